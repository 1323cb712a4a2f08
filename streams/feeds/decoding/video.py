"""Clips to pixels, and the door to PyAV (FFmpeg): one frame at a time, whatever the container, honest about what is missing.

One thread decodes, because with several the frames that come out of damaged files depend on their race. A packet that cannot
be decoded costs the frames up to the next key frame: what a decoder makes of them without it is invention.
"""

from __future__ import annotations

import io
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import av
import numpy as np
from av.codec.context import Flags, ThreadType
from av.sidedata.sidedata import Type as SideData
from av.stream import Disposition
from av.video.reformatter import Interpolation, VideoReformatter

from schemas.errors import ObservatoryError, RejectedInput
from streams.feeds.decoding.clip.reel import Place, Reel, Shot
from streams.feeds.decoding.clip.roll import Roll
from streams.feeds.decoding.events import Event, Header, Picture, Unread
from streams.feeds.decoding.formats.containers import read_structure
from streams.feeds.decoding.upright import is_sideways, to_orientation, turn_upright

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from av.container import InputContainer
    from av.packet import Packet as AnyPacket
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from streams.feeds.decoding.limits import Limits, Order
    from streams.feeds.decoding.sniff import Format

    Packet = AnyPacket[VideoStream]

#: FFmpeg's errors that say "known, but not by this build".
_UNSUPPORTED = (
    av.error.DecoderNotFoundError,
    av.error.BSFNotFoundError,
    av.error.ExperimentalError,
    av.error.PatchWelcomeError,
    av.error.NotImplementedError,
)

_UNSUPPORTED_SENTENCE = "The video is of a kind that this build does not decode."

#: Codecs of which every packet is a frame to be shown; others have hidden reference pictures or pack two frames into one.
_FRAME_A_PACKET = frozenset({"h264", "hevc", "vvc", "av1", "libdav1d", "vp9", "mjpeg", "ffv1", "prores", "rawvideo"})

#: What a file whose end is missing may be taken for.
_SIGNS_OF_A_CUT = frozenset({"unreadable_video", "no_video"})

#: Raw streams: their demuxers invent 25 frames a second, where the stream itself may know better.
_WITHOUT_CLOCK = frozenset({"h264", "hevc", "mpegvideo"})

#: Tags in which writers put the time of recording, the most telling first (the first one has its UTC offset).
_TIME_TAGS = ("com.apple.quicktime.creationdate", "creation_time", "DATE_RECORDED", "date")


@contextmanager
def translate() -> Iterator[None]:
    """Turn whatever PyAV raises into ours.

    Raises
    ------
    RejectedInput
        ``unsupported_video``, or ``unreadable_video``: with a local file, FFmpeg's input errors too mean bad bytes.
    MemoryError
        As it is: the decoding process answers for it.
    """
    try:
        yield
    except (ObservatoryError, StopIteration, GeneratorExit):
        raise
    except MemoryError as error:
        raise MemoryError from error
    except _UNSUPPORTED as error:
        raise RejectedInput(
            reason="unsupported_video", sentence="The video is of a kind that this build does not decode."
        ) from error
    except Exception as error:
        words = getattr(error, "strerror", None) or type(error).__name__
        raise RejectedInput(
            reason="unreadable_video", sentence=f"The video cannot be read: {str(words)[:120]}."
        ) from error


def open_clip(source: Path | memoryview, form: Format, order: Order) -> Iterator[Event]:
    """Yield the header, the frames and the ending of a clip.

    Parameters
    ----------
    source
        A local file, or all of its bytes.

    Raises
    ------
    RejectedInput
        ``no_index``, ``no_video``, ``no_frames``, ``encrypted``, ``truncated_video``, ``corrupt_video``, ``unreadable_video``,
        ``unsupported_video``, ``too_long``, ``too_many_pixels``, ``absurd_time_base`` or ``no_clock``; some of them only at the
        end, after frames were handed over.
    """
    structure = read_structure(source, form)
    with ExitStack() as opened:
        try:
            container = opened.enter_context(_open_container(source, form, order.limits))
            clip = _make_clip(container, order, form)
        except RejectedInput as fault:
            if structure.is_cut and fault.reason in _SIGNS_OF_A_CUT:
                sentence = "The video's file ends before its first frame."
                raise RejectedInput(reason="truncated_video", sentence=sentence) from fault
            raise
        yield from clip.read()
        if order.probe and clip.has_header:
            return
        if structure.is_cut or clip.lacks_packets():
            clip.reel.spoil("truncated")
        clip.reel.refuse_nothing(is_encrypted=structure.is_encrypted)
        yield clip.reel.end()


def _open_container(source: Path | memoryview, form: Format, limits: Limits) -> InputContainer:
    """Open with the one demuxer that the bytes call for, and with no way out to other files or addresses."""
    file = io.BytesIO(source) if isinstance(source, memoryview) else f"file:{source}"
    options = {"protocol_whitelist": "file", "max_pixels": str(limits.frame_pixels)}
    with translate():
        return av.open(file, mode="r", format=form.demuxer, options=options, metadata_errors="replace")


def _make_clip(container: InputContainer, order: Order, form: Format) -> _Clip:
    """Choose the video stream and prepare its decoder.

    Raises
    ------
    RejectedInput
        ``no_video``, ``unsupported_video``, ``too_many_pixels``, ``too_long`` or ``absurd_time_base``.
    """
    streams = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not streams:
        raise RejectedInput(reason="no_video", sentence="The file has no video in it.")
    stream = max(streams, key=lambda candidate: (bool(candidate.disposition & Disposition.default), -candidate.index))
    codec = stream.codec_context
    if codec is None:
        raise RejectedInput(
            reason="unsupported_video", sentence="The video is of a kind that this build does not decode."
        )
    order.limits.check_frame(codec.width, codec.height)
    time_base = stream.time_base
    if not time_base or time_base <= 0:
        raise RejectedInput(reason="absurd_time_base", sentence="The video's clock has no unit.")
    with translate():
        codec.thread_count, codec.thread_type = 1, ThreadType.NONE
        codec.flags |= Flags.output_corrupt  # hand them over and say so, instead of leaving them out unsaid
        codec.options = {"max_pixels": str(order.limits.frame_pixels)}
        codec.open()
    has_clock = form.demuxer not in _WITHOUT_CLOCK
    rate_hz = (stream.average_rate or stream.guessed_rate) if has_clock else (codec.framerate or stream.average_rate)
    reel = Reel(order.sampling, order.limits, time_base, stream.start_time, rate_hz or None)
    clip = _Clip(container, stream, order, form, reel, Roll(codec.name in _FRAME_A_PACKET))
    if (clip.duration_s or 0) > order.limits.clip_duration_s:
        raise RejectedInput(reason="too_long", sentence=f"The clip says it lasts {clip.duration_s:.0f} s.")
    return clip


@dataclass(slots=True)
class _Clip:
    """A clip being read."""

    container: InputContainer
    stream: VideoStream
    order: Order
    form: Format
    reel: Reel
    _roll: Roll
    _packets: int = 0
    _held: list[VideoFrame] = field(default_factory=list)
    _suspect_pts: set[int | None] = field(default_factory=set)
    _waiting: list[Unread] = field(default_factory=list)
    _rotation: float | None = None
    _orientation: int = 1
    _awaits_key: bool = False
    _has_header: bool = False
    _to_rgb: VideoReformatter = field(default_factory=VideoReformatter)

    @property
    def duration_s(self) -> float | None:
        """Seconds, as the stream or its container declares."""
        if self.stream.duration and self.stream.time_base:
            return float(self.stream.duration * self.stream.time_base)
        return self.container.duration / av.time_base if self.container.duration else None

    @property
    def has_header(self) -> bool:
        """Whether a frame came, which tells what the clip is."""
        return self._has_header

    def lacks_packets(self) -> bool:
        """Return whether an MP4's index names more frames than there were."""
        return self.form.demuxer == "mov" and self._packets < len(self.stream.index_entries)

    def read(self) -> Iterator[Event]:
        """Yield the header (with a probe, that is all), then frames and unreadable frames."""
        for packet in self._demux():
            yield from self._feed(packet)
            if self.order.probe and self._has_header:
                return
        yield from self._hand_over(self._drain())
        yield from self._show_held()
        yield from self._miss(is_over=True)

    def _demux(self) -> Iterator[Packet]:
        """Yield packets up to the end, or up to where the container itself cannot be read further."""
        with translate():
            packets = self.container.demux(self.stream)
        while True:
            try:
                with translate():
                    packet = next(packets)
            except StopIteration:
                return
            except RejectedInput:
                self.reel.spoil("corrupt")
                return
            if packet.size:
                self._packets += 1
                yield packet

    def _feed(self, packet: Packet) -> Iterator[Event]:
        """Announce a packet's frame and decode it, or account for the frame that it cannot give."""
        is_wanted = packet.is_keyframe or not self.order.sampling.key_frames
        if is_wanted:
            yield from self._show_held()
        reason = self._find_fault(packet) if is_wanted else ""
        if not packet.is_discard:
            self._announce(packet, reason, is_wanted=is_wanted)
        if not is_wanted:
            return
        frames: list[VideoFrame] = []
        if not reason:
            try:
                with translate():
                    frames = packet.decode()
            except RejectedInput:
                reason = "corrupt"
                self._roll.forget(packet.pts, reason)
        if reason and not self._awaits_key:
            frames = self._drain()
            self.stream.codec_context.flush_buffers()
        self._awaits_key = bool(reason)
        yield from self._hand_over(frames)
        yield from self._miss()

    def _announce(self, packet: Packet, reason: str, *, is_wanted: bool) -> None:
        self._roll.announce(packet.pts, is_wanted=is_wanted, reason=reason)
        self.reel.begin_at(packet.pts if self.order.sampling.key_frames else None)
        if not is_wanted:
            self.reel.go_through(packet.pts, packet.duration or 0)
            self.reel.passed_over += 1
        if packet.is_corrupt:
            self._suspect_pts.add(packet.pts)

    def _find_fault(self, packet: Packet) -> str:
        """Return why a packet is not worth decoding, or nothing."""
        if packet.has_sidedata("encryption_info"):
            return "encrypted"
        if packet.is_corrupt and self.form.demuxer == "mov":
            return "truncated"  # an MP4 packet of which only a part is there
        return "corrupt" if self._awaits_key and not packet.is_keyframe else ""

    def _miss(self, *, is_over: bool = False) -> Iterator[Event]:
        """Yield the frames that will not come, once there is a header before them."""
        for frame in self._roll.find_missing(is_over=is_over):
            reason = frame.reason or "corrupt"
            if self.reel.lose(reason, frame.pts, frame.index):
                self._waiting.append(Unread(frame.index, reason))
        if self._has_header:
            yield from self._take_waiting()

    def _take_waiting(self) -> Sequence[Unread]:
        waiting, self._waiting = self._waiting, []
        return waiting

    def _drain(self) -> list[VideoFrame]:
        """Return what the decoder still holds."""
        try:
            with translate():
                return list(self.stream.codec_context.decode(None))
        except RejectedInput:
            self.reel.spoil("corrupt")
            return []

    def _hand_over(self, frames: Sequence[VideoFrame]) -> Iterator[Event]:
        """Show frames; key frames only when the packets that may be shown before them have been announced."""
        if self.order.sampling.key_frames:
            self._held.extend(frames)
            return
        for frame in frames:
            yield from self._show(frame)

    def _show_held(self) -> Iterator[Event]:
        held, self._held = self._held, []
        for frame in held:
            yield from self._show(frame)

    def _show(self, frame: VideoFrame) -> Iterator[Event]:
        """Place one frame, and yield it if the sampling takes it."""
        is_corrupt = frame.is_corrupt or frame.pts in self._suspect_pts
        self._suspect_pts.discard(frame.pts)
        index, is_after_gap = self._roll.call(frame.pts)
        shot = Shot(frame.pts, is_corrupt, frame.key_frame, frame.duration)
        place = self.reel.place(shot, index, is_after_gap=is_after_gap)
        self.order.limits.check_frame(frame.width, frame.height)
        self._watch_orientation(frame)
        if not self._has_header:
            self._has_header = True
            yield self._make_header(frame)
            yield from self._take_waiting()
        if self.order.probe or not self.reel.take(place, is_readable=not is_corrupt):
            return
        if is_corrupt:
            yield Unread(place.index, "corrupt")
        else:
            yield self._make_picture(frame, place)

    def _watch_orientation(self, frame: VideoFrame) -> None:
        """Read the display matrix of the first frame and wherever it turns.

        Looking at a frame's side data ties the frame into a circle of references: for every frame, hundreds of them would wait
        for the garbage collector at a time.
        """
        if frame.rotation != self._rotation:
            self._rotation = frame.rotation
            self._orientation = _read_orientation(frame)

    def _make_picture(self, frame: VideoFrame, place: Place) -> Picture:
        with translate():
            rgb = self._to_rgb.reformat(frame, format="rgb24", interpolation=Interpolation.BILINEAR, threads=1)
            pixels = np.asarray(rgb.to_ndarray(), np.uint8)
        base = Fraction(self.reel.time_base)
        return Picture(
            index=place.index,
            pixels=turn_upright(pixels, self._orientation),
            offset_s=place.offset_s,
            pts=place.pts,
            time_base=(base.numerator, base.denominator),
            flags=place.flags,
        )

    def _make_header(self, frame: VideoFrame) -> Header:
        size_px = (frame.height, frame.width) if is_sideways(self._orientation) else (frame.width, frame.height)
        return Header(
            kind="clip",
            format=self.form.name,
            media_type=self.form.media_type,
            width_px=size_px[0],
            height_px=size_px[1],
            codec=self.stream.codec_context.name,
            duration_s=self.duration_s,
            images=self.stream.frames or None,
            rate_hz=float(self.reel.rate_hz) if self.reel.rate_hz else None,
            container_time=_find_time(self.container.metadata, self.stream.metadata),
        )


def _read_orientation(frame: VideoFrame) -> int:
    """Return the EXIF orientation that the container asks for."""
    matrix = cast("Any", frame.side_data).get(
        SideData.DISPLAYMATRIX
    )  # by type or by number, its annotations say neither
    return 1 if matrix is None else to_orientation(np.frombuffer(bytes(matrix), np.int32))


def _find_time(*tags: dict[str, str]) -> str | None:
    """Return the first time of recording that the container's or the stream's tags name."""
    return next((group[name].strip() for name in _TIME_TAGS for group in tags if group.get(name, "").strip()), None)
