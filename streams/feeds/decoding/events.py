"""What an opened unit hands over, in order: a header, pictures and unreadable images, an ending."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

#: Version of how stills and clips become pixels; part of every result's identity, so raise it when pixels would change.
STILL_READER = "still/1"
CLIP_READER = "video/1"


@dataclass(frozen=True, slots=True)
class GpsClaim:
    """A position as the file says it: WGS 84 degrees, metres above sea level where given."""

    lat_deg: float
    lon_deg: float
    altitude_m: float | None = None


@dataclass(frozen=True, slots=True)
class Header:
    """What a unit is, as found in its bytes.

    Attributes
    ----------
    kind
        ``still``, ``clip`` or ``run``.
    format, media_type
        ``jpeg`` and ``image/jpeg``; the file's name had no say in it. Of a run, the code of its layout.
    width_px, height_px
        Of the first upright picture; 0 of a run.
    codec
        Of a clip's video stream, or of a still's compression; empty where there is no other name for it.
    duration_s, images, rate_hz
        As the container declares them; absent when it does not.
    exif_time
        ``DateTimeOriginal`` as written, with ``SubSecTimeOriginal`` after a point and ``OffsetTimeOriginal`` at the end, where
        the file has them: ``2024:04:22 08:00:01.303+02:00``. A claim, not interpreted.
    container_time
        The creation time of a video file, as the demuxer hands it over. A claim too.
    run
        What a run's files say of it: the JSON object of a :class:`schemas.sampling.run.RunRecord`.
    """

    kind: Literal["still", "clip", "run"]
    format: str
    media_type: str
    width_px: int
    height_px: int
    codec: str = ""
    duration_s: float | None = None
    images: int | None = None
    rate_hz: float | None = None
    exif_time: str | None = None
    container_time: str | None = None
    gps: GpsClaim | None = None
    run: Mapping[str, Any] | None = None

    @property
    def reader(self) -> str:
        """The version string of the reader that opened it."""
        return STILL_READER if self.kind == "still" else CLIP_READER


@dataclass(frozen=True, slots=True)
class Picture:
    """One image with its pixels, on its way from a decoder into shared memory.

    Attributes
    ----------
    pixels
        uint8 ``(height_px, width_px, 3)``, RGB, upright; any strides.
    pts, time_base
        Presentation time stamp and its unit in seconds as a fraction; absent for a still.
    """

    index: int
    pixels: NDArray[np.uint8]
    offset_s: float = 0.0
    pts: int | None = None
    time_base: tuple[int, int] = (1, 1)
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Roi:
    """One particle of a run on its way into shared memory; several travel together.

    Attributes
    ----------
    pixels
        uint8 ``(height_px, width_px, 3)``, RGB; valid until the next event.
    image
        The JSON object of its :class:`schemas.finding.Image`.
    measures
        What the instrument measured, by registered quantity.
    """

    pixels: NDArray[np.uint8]
    image: Mapping[str, Any]
    measures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Roles:
    """Which file of a run is which part: pairs of role and name; of a long list, a piece."""

    roles: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Said:
    """What others say of particles: JSON objects of :class:`schemas.sampling.run.SaidOfParticle`; of a long list, a piece."""

    said: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Unread:
    """An image that should have been there and could not be read: ``corrupt``, ``truncated``, ``encrypted``."""

    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class Ending:
    """How the unit ended.

    Attributes
    ----------
    broken
        Why not everything could be read (``truncated``, ``corrupt``, ``encrypted``); empty when everything was.
    looked_until_s
        Offset of the last image that could be read; absent for a still.
    passed_over
        Images left out by the sampling.
    duration_s
        Seconds of the clip that were gone through; absent for a still.
    """

    broken: str = ""
    looked_until_s: float | None = None
    passed_over: int = 0
    duration_s: float | None = None


Event = Header | Picture | Roi | Roles | Said | Unread | Ending


def to_plain(event: Header | Unread | Ending) -> dict[str, Any]:
    """Return the JSON object of an event without pixels."""
    plain = {name: getattr(event, name) for name in event.__slots__}
    return {**plain, "gps": asdict(event.gps)} if isinstance(event, Header) and event.gps else plain


def to_header(plain: dict[str, Any]) -> Header:
    """Return the header a JSON object describes.

    Raises
    ------
    TypeError, KeyError
        If it describes none.
    """
    return Header(**{**plain, "gps": GpsClaim(**plain["gps"]) if plain["gps"] else None})
