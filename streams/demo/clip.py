"""The writing half of the door to PyAV: generated frames to an MP4 file (reading is in ``streams.feeds.decoding``)."""

from __future__ import annotations

from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import av

from schemas.errors import FatalFault
from schemas.noun import to_time_text

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import numpy as np
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

#: What the frames are packed with; one thread, since the packing of several depends on how many there are.
_CODEC, _OPTIONS = "libx264", {"crf": "20", "preset": "veryfast", "threads": "1"}


@contextmanager
def translate() -> Iterator[None]:
    """Turn PyAV's exceptions into ours.

    Raises
    ------
    FatalFault
        The clip could not be written: no such encoder, or no room on the disk. Pictures of our own are never bad input.
    """
    try:
        yield
    except (av.error.FFmpegError, ValueError) as error:
        sentence = f"the clip could not be written: {error}"
        raise FatalFault(sentence) from error


def write_clip(path: Path, pictures: Iterable[NDArray[np.uint8]], *, per_second: int, started_at: dt.datetime) -> None:
    """Write RGB pictures, uint8 (height_px, width_px, 3) of one even size, as an H.264 clip in MP4.

    Parameters
    ----------
    path
        Where to write; the name ends in ``.mp4``.
    per_second
        Pictures a second.
    started_at
        Written into the container as its creation time.

    Raises
    ------
    FatalFault
        If the clip cannot be written.
    """
    with translate(), av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        container.metadata["creation_time"] = to_time_text(started_at)
        stream = cast("VideoStream", container.add_stream(_CODEC, rate=per_second, options=_OPTIONS))
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, 1000)
        for number, picture in enumerate(pictures):
            if number == 0:
                stream.height, stream.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number * 1000 // per_second, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
