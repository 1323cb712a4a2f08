"""Builders of pictures and videos, whole and spoilt, whose content is known to the pixel or the frame."""

from __future__ import annotations

import io
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image

#: EXIF tags: orientation; the EXIF block and in it time, offset, fraction; the GPS block.
ORIENTATION, EXIF_BLOCK, TAKEN, OFFSET, FRACTION, GPS_BLOCK = 274, 34665, 36867, 36881, 37521, 34853


def make_pixels(width_px=64, height_px=48):
    """Return uint8 (height, width, 3) with another colour in each corner and a ramp between: turned, it is another picture."""
    x, y = np.linspace(0, 1, width_px), np.linspace(0, 1, height_px)[:, None]
    ramp = np.stack([x * (1 - y), y * (1 - x), x * y + 0.2 * (1 - x) * (1 - y)], axis=-1)
    return (40 + 200 * ramp).round().astype(np.uint8)


def make_noise(width_px=64, height_px=48, seed=0):
    """Return uint8 (height, width, 3) that does not compress: files made of it have something to lose."""
    return np.random.default_rng(seed).integers(0, 255, (height_px, width_px, 3), dtype=np.uint8)


def encode_jpeg(pixels, quality=90, **options):
    """Return a JPEG as OpenCV writes it, or as Pillow does where options (exif, progressive) are given."""
    if options:
        return encode(Image.fromarray(pixels), "JPEG", quality=quality, **options)
    return cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def encode(image, form, **options):
    """Return the bytes of a Pillow image, or of RGB pixels, in one of Pillow's formats."""
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def make_exif(*, orientation=None, taken=None, offset=None, fraction=None, gps=None):
    """Return an EXIF block as Pillow's ``exif=`` takes it."""
    exif = Image.Exif()
    if orientation is not None:
        exif[ORIENTATION] = orientation
    block = {TAKEN: taken, OFFSET: offset, FRACTION: fraction}
    block = {tag: text for tag, text in block.items() if text is not None}
    if block:
        exif[EXIF_BLOCK] = block
    if gps is not None:
        exif[GPS_BLOCK] = gps
    return exif.tobytes()


def make_gif_bomb(width_px=20_000, height_px=18_350):
    """Return a valid GIF of one colour: 367 million pixels in 0.3 MB, for LZW codes grow with every repetition."""
    clear, end, first = 4, 5, 6
    codes, left = [], width_px * height_px
    while left > 0:
        codes += [(clear, None), (0, None)]
        left, run = left - 1, 2
        for code in range(first, 4096):
            if left <= 0:
                break
            codes.append((code, None))
            left, run = left - run, run + 1
    packed = _pack_lzw([code for code, _ in codes] + [end], clear)
    blocks = b"".join(
        bytes([len(part)]) + part for part in (packed[at : at + 255] for at in range(0, len(packed), 255))
    )
    size = struct.pack("<HH", width_px, height_px)
    palette = bytes(range(12))
    head = b"GIF89a" + size + b"\x91\x00\x00" + palette + b"," + b"\0\0\0\0" + size + b"\0" + b"\x02"
    return head + blocks + b"\0;"


def _pack_lzw(codes, clear):
    bits, filled, out = 0, 0, bytearray()
    width, table = 3, clear + 2
    for code in codes:
        bits |= code << filled
        filled += width
        while filled >= 8:
            out.append(bits & 0xFF)
            bits >>= 8
            filled -= 8
        if code == clear:
            width, table = 3, clear + 1
        else:
            table += 1
            if table >= (1 << width) and width < 12:
                width += 1
    out.append(bits & 0xFF)
    return bytes(out)


def make_png_bomb(side_px=20_001):
    """Return a valid PNG of 400 million white-on-nothing pixels in 50 kB."""
    rows = (b"\0" + bytes((side_px + 7) // 8)) * side_px
    return _make_png(side_px, side_px, bits=1, colour=0, rows=rows)


def make_deep_png(samples):
    """Return a 16-bit grey PNG of uint16 (height, width)."""
    height_px, width_px = samples.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    return _make_png(width_px, height_px, bits=16, colour=0, rows=rows)


def _make_png(width_px, height_px, *, bits, colour, rows):
    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width_px, height_px, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def make_tiff_bomb(side_px=30_000):
    """Return a TIFF header that promises 900 million pixels."""
    entries = [(256, 4, side_px), (257, 4, side_px), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1)]
    entries += [(278, 4, side_px), (279, 4, side_px * side_px)]
    body = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + bytes(4)


def make_animation(form="GIF", count=3):
    """Return an animated picture."""
    first, *rest = [Image.fromarray(make_noise(seed=number)) for number in range(count)]
    return encode(first, form, save_all=True, append_images=rest)


#: Grey of frame k in the clips below: far enough from its neighbours to survive a codec.
def to_grey(index):
    """Return the grey level of a clip's frame: 16 levels apart, in an order that repeats after 13."""
    return 24 + 16 * (index * 5 % 13)


def find_index(pixels, count=13):
    """Return the number (modulo 13) of the frame with this grey level."""
    level = float(pixels[8:-8, 8:-8].mean())
    return min(range(count), key=lambda index: abs(to_grey(index) - level))


@dataclass(frozen=True)
class Clip:
    """How a video is made.

    Attributes
    ----------
    times
        Time stamps in 1/1000 s, for a variable frame rate.
    paint
        From a frame's number to its uint8 (height, width, 3) pixels, instead of grey.
    is_streamable
        Whether an MP4's index stands before its frames, so that the file can be read though its end is missing.
    """

    form: str = "mp4"
    codec: str = "libx264"
    size_px: tuple[int, int] = (64, 48)
    rate: int = 10
    times: Sequence[int] | None = None
    codec_options: dict[str, str] = field(default_factory=dict)
    format_options: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    rotation: int = 0
    paint: Callable[[int], np.ndarray] | None = None
    is_streamable: bool = False


def make_clip(count=20, **how):
    """Return a video whose frame k is flat with the grey of :func:`to_grey`; ``how`` are the fields of :class:`Clip`."""
    clip = Clip(**how)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip"
        options = {**clip.format_options, **({"movflags": "faststart"} if clip.is_streamable else {})}
        with av.open(str(path), "w", format=clip.form, options=options) as container:
            _fill(container, clip, count)
        return path.read_bytes()


def _fill(container, clip, count):
    container.metadata.update(clip.tags)
    stream = container.add_stream(clip.codec, rate=Fraction(clip.rate))
    stream.width, stream.height = clip.size_px
    stream.pix_fmt = "yuvj420p" if clip.codec == "mjpeg" else "yuv420p"
    stream.codec_context.options = {"threads": "1", **clip.codec_options}
    if clip.times is not None:
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
    if clip.rotation:
        stream.set_display_rotation(clip.rotation)
    for index in range(count):
        frame = av.VideoFrame.from_ndarray(_paint(index, clip), format="rgb24")
        if clip.times is not None:
            frame.pts, frame.time_base = clip.times[index], Fraction(1, 1000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _paint(index, clip):
    if clip.paint is not None:
        return clip.paint(index)
    return np.full((clip.size_px[1], clip.size_px[0], 3), to_grey(index), np.uint8)


def make_noisy_clip(count=20, **options):
    """Return a video of noise: its packets are large, so that cutting and spoiling the file hits them."""
    width_px, height_px = options.setdefault("size_px", (64, 48))
    return make_clip(count, paint=lambda index: make_noise(width_px, height_px, seed=index), **options)


def make_sound(form="mp4"):
    """Return a file with sound and no picture."""
    file = io.BytesIO()
    with av.open(file, "w", format=form) as container:
        stream = container.add_stream("aac", rate=44_100, layout="mono")
        for number in range(10):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44_100, number * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


ENCRYPTION = {
    "encryption_scheme": "cenc-aes-ctr",
    "encryption_key": "00112233445566778899aabbccddeeff",
    "encryption_kid": "ffeeddccbbaa99887766554433221100",
}


def list_boxes(video):
    """Return (name, start, end) of an MP4's outermost boxes."""
    boxes, at = [], 0
    while at + 8 <= len(video):
        length = int.from_bytes(video[at : at + 4], "big")
        length = int.from_bytes(video[at + 8 : at + 16], "big") if length == 1 else length or len(video) - at
        boxes.append((video[at + 4 : at + 8].decode("latin1"), at, at + length))
        at += length
    return boxes


def strip_box(video, name):
    """Return an MP4 without its outermost boxes of this name."""
    return b"".join(video[start:end] for box, start, end in list_boxes(video) if box != name)


def find_samples(video):
    """Return (offset, length) of an MP4's video packets, in the order they are stored."""
    with av.open(io.BytesIO(video)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    return sorted(places)


def spoil(data, at, length, seed=0):
    """Return the bytes with some of them replaced by noise."""
    noise = np.random.default_rng(seed).integers(0, 255, length, dtype=np.uint8).tobytes()
    return data[:at] + noise + data[at + length :]


def zero(data, ranges: Iterable[tuple[int, int]]):
    """Return the bytes with some ranges (offset, length) of them zero, as lost sectors read."""
    spoilt = bytearray(data)
    for at, length in ranges:
        spoilt[at : at + length] = bytes(length)
    return bytes(spoilt)
