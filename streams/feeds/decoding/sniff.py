"""What kind of media bytes are, by their first bytes alone; a name or a claimed type has no say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from schemas.errors import RejectedInput

#: Bytes of a file that decide its kind: three packets of the longest transport stream, and a brand list.
HEAD_BYTES = 1_024


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of media.

    Attributes
    ----------
    demuxer
        Name of the one FFmpeg demuxer that may open it. Others are never tried: some of them (playlists) open further files
        and addresses that the bytes name.
    """

    kind: Literal["still", "clip"]
    name: str
    media_type: str
    demuxer: str = ""


def _still(name: str, media_type: str = "") -> Format:
    return Format("still", name, media_type or f"image/{name}")


def _clip(name: str, media_type: str, demuxer: str = "") -> Format:
    return Format("clip", name, media_type, demuxer or name)


#: Plain prefixes, tried in order.
_PREFIXES: tuple[tuple[bytes, Format], ...] = (
    (b"\xff\xd8\xff", _still("jpeg")),
    (b"\x89PNG\r\n\x1a\n", _still("png")),
    (b"GIF87a", _still("gif")),
    (b"GIF89a", _still("gif")),
    (b"II*\x00", _still("tiff")),
    (b"MM\x00*", _still("tiff")),
    (b"II+\x00", _still("tiff")),
    (b"MM\x00+", _still("tiff")),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", _still("jp2")),
    (b"\xff\x4f\xff\x51", _still("jp2", "image/j2c")),
    (b"\x1aE\xdf\xa3", _clip("matroska", "video/x-matroska")),
    (b"FLV\x01", _clip("flv", "video/x-flv")),
    (b"0&\xb2u\x8ef\xcf\x11\xa6\xd9\x00\xaa\x00b\xcel", _clip("asf", "video/x-ms-asf")),
    (b"OggS\x00", _clip("ogg", "video/ogg")),
    (b"\x06\x0e+4\x02\x05\x01\x01\r\x01\x02", _clip("mxf", "application/mxf")),
    (b"DKIF", _clip("ivf", "video/x-ivf")),
    (b"YUV4MPEG2 ", _clip("y4m", "video/x-yuv4mpeg", "yuv4mpegpipe")),
    (b"nut/multimedia container\x00", _clip("nut", "video/x-nut")),
    (b"DHAV", _clip("dhav", "video/x-dhav")),
    (b"\x00\x00\x01\xba", _clip("mpeg", "video/mpeg")),
    (b"\x00\x00\x01\xb3", _clip("mpegvideo", "video/mpeg")),
)

_RIFF = {b"AVI ": _clip("avi", "video/x-msvideo"), b"WEBP": _still("webp")}

#: First boxes of the ISO base media family (MP4, QuickTime, 3GP, CMAF), with or without a file type box.
_BOXES = frozenset(
    {
        b"ftyp",
        b"moov",
        b"mdat",
        b"moof",
        b"free",
        b"skip",
        b"wide",
        b"pnot",
        b"styp",
        b"sidx",
        b"uuid",
        b"prft",
        b"emsg",
    }
)

#: Brands of pictures in the same boxes.
_PICTURE_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1", b"avif", b"avis", b"crx "})

_PNM = re.compile(rb"P[4-6][\s#]")

#: Packet lengths of MPEG transport streams: (bytes before the sync byte, packet length).
_TRANSPORT = ((0, 188), (4, 192), (0, 204))
_SYNC = 0x47

#: NAL unit types that begin a raw H.264 or HEVC stream: parameter sets, access unit delimiter, supplemental information.
_H264_FIRST = frozenset({6, 7, 9})
_HEVC_FIRST = frozenset({32, 33, 35})


def sniff(head: bytes) -> Format:
    """Return what the bytes are.

    Parameters
    ----------
    head
        At least the first ``HEAD_BYTES`` of the file, or all of it.

    Raises
    ------
    RejectedInput
        ``empty_file``, ``not_media``, or ``unsupported_picture`` for a known kind of picture that is not read here.
    """
    if not head:
        raise RejectedInput(reason="empty_file", sentence="The file is empty.")
    for prefix, found in _PREFIXES:
        if head.startswith(prefix):
            return _as_webm(head) if found.name == "matroska" else found
    other = _sniff_riff(head) or _sniff_boxes(head) or _sniff_bitmap(head) or _sniff_stream(head)
    if other is None:
        raise RejectedInput(reason="not_media", sentence="The bytes are neither a picture nor a video of a known kind.")
    return other


def _as_webm(head: bytes) -> Format:
    is_webm = b"webm" in head[:64]
    return _clip("webm" if is_webm else "matroska", "video/webm" if is_webm else "video/x-matroska", "matroska")


def _sniff_riff(head: bytes) -> Format | None:
    return _RIFF.get(head[8:12]) if head.startswith(b"RIFF") else None


def _sniff_boxes(head: bytes) -> Format | None:
    if head[4:8] not in _BOXES:
        return None
    brand = head[8:12] if head[4:8] == b"ftyp" else b""
    if brand in _PICTURE_BRANDS:
        sentence = "HEIF, AVIF and CR3 pictures are not read; send JPEG, PNG or TIFF."
        raise RejectedInput(reason="unsupported_picture", sentence=sentence)
    is_quicktime = brand in {b"qt  ", b""}
    return _clip("mov" if is_quicktime else "mp4", "video/quicktime" if is_quicktime else "video/mp4", "mov")


def _sniff_bitmap(head: bytes) -> Format | None:
    """Two letters are too few to go by: a bitmap's header size and a PNM's white space must fit too."""
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in {12, 40, 52, 56, 64, 108, 124}:
        return _still("bmp")
    return _still("pnm", "image/x-portable-anymap") if _PNM.match(head) else None


def _sniff_stream(head: bytes) -> Format | None:
    """Streams without a file header: MPEG transport, raw H.264 and HEVC."""
    for first, step in _TRANSPORT:
        syncs = head[first::step][:3]
        if len(syncs) > 1 and all(byte == _SYNC for byte in syncs):
            return _clip("mpegts", "video/mp2t")
    start = 4 if head.startswith(b"\x00\x00\x00\x01") else 3 if head.startswith(b"\x00\x00\x01") else 0
    if not start or len(head) < start + 2 or head[start] & 0x80:
        return None
    if head[start] & 0x1F in _H264_FIRST:
        return _clip("h264", "video/h264")
    if head[start] >> 1 in _HEVC_FIRST and head[start + 1] == 1:
        return _clip("hevc", "video/h265")
    return None
