"""How much water was looked at: from what the run and the sample sheet say to litres of sea, or unknown and why."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from schemas.sample import Sample, SampleRun
    from schemas.sampling.run import Mode

#: Per litre of what: of the sea, or of what was given to the instrument, whatever was done to it before.
Basis = Literal["sea", "analysed_sample"]

BASIS_WORDS: Mapping[Basis, str] = MappingProxyType(
    {"sea": "per litre of sea", "analysed_sample": "per litre of analysed sample"}
)

#: Why a volume is not known -> what to do about it.
WHYS: Mapping[str, str] = MappingProxyType(
    {
        "no_volume": (
            "The run does not say how much was imaged; if you know it, write it into volume_imaged_ml of the sample sheet."
        ),
        "volume_zero": "The run says that 0 ml were imaged; write the volume into volume_imaged_ml of the sample sheet.",
        "mode_unknown": (
            "The run does not say whether the camera ran at a fixed rate or was triggered, and its volumes differ."
        ),
        "list_cut_short": "The list of particles breaks off, and nothing says how much was imaged until then.",
        "subsample_too_small": (
            "More was imaged than volume_subsample_ml of the sample sheet says was there; one of the two is wrong."
        ),
        "volumes_differ": (
            "The run and volume_imaged_ml of the sample sheet say different volumes; leave the cell empty, or correct it."
        ),
    }
)

#: Relative difference up to which two statements of one volume are the same: instruments print three or four digits.
_SAME = Fraction(2, 100)


@dataclass(frozen=True, slots=True)
class RunVolumes:
    """What the files of a run say of its volume.

    Attributes
    ----------
    mode
        Absent when they do not say.
    imaged_ml, processed_ml
        Volume in the camera's view, and pumped past it; 0 is what instruments write where they did not count.
    dilution
        The instrument's setting; the sample sheet overrules it.
    cut_short
        The list of particles broke off (a cut file); a run that was stopped early is whole, its volumes are those until then.
    frames, frames_read
        Camera frames of the run, and the last frame of which a particle could be read.
    """

    mode: Mode | None = None
    imaged_ml: float | None = None
    processed_ml: float | None = None
    dilution: float | None = None
    cut_short: bool = False
    frames: int | None = None
    frames_read: int | None = None


@dataclass(frozen=True, slots=True)
class Volume:
    """Water that was looked at, in exact fractions, so that pooled halves are the whole.

    Attributes
    ----------
    analysed_ml
        As it was in the instrument, diluted.
    sample_ml
        The sample in it, before dilution.
    sea_ml
        The sea in that; absent when nobody says how the sample was made of the sea.
    stated
        Whether a dilution was written down anywhere.
    """

    analysed_ml: Fraction
    sample_ml: Fraction
    sea_ml: Fraction | None = None
    stated: bool = True

    @property
    def basis(self) -> Basis:
        """What an abundance is per litre of."""
        return "analysed_sample" if self.sea_ml is None else "sea"

    @property
    def litres(self) -> Fraction:
        """What counts are divided by."""
        return (self.sample_ml if self.sea_ml is None else self.sea_ml) / 1000

    @property
    def dilution(self) -> Fraction:
        """Volume after dilution by volume before it; of several runs the mean that their volumes give."""
        return self.analysed_ml / self.sample_ml


@dataclass(frozen=True, slots=True)
class UnknownVolume:
    """Nothing may be divided by it.

    Attributes
    ----------
    whys
        Codes of :data:`WHYS`, sorted.
    """

    whys: tuple[str, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """The reasons in words."""
        return tuple(WHYS[why] for why in self.whys)


def find_volume(run: RunVolumes, sample: Sample | None = None, row: SampleRun | None = None) -> Volume | UnknownVolume:
    """Return the volume that one run's particles were in.

    Parameters
    ----------
    sample, row
        What the sample sheet says of the water and of this run; without it nothing is known per litre of sea.
    """
    said = {} if row is None else dict(row.quantities)
    analysed = _find_analysed(run, said.get("volume_ml"))
    if isinstance(analysed, str):
        return UnknownVolume((analysed,))
    stated = said.get("dilution", run.dilution)
    sample_ml = analysed / _exact(1.0 if stated is None or stated <= 0 else stated)
    subsample_ml = said.get("volume_subsample_ml")
    if subsample_ml is not None and sample_ml > _exact(subsample_ml) * (1 + _SAME):
        return UnknownVolume(("subsample_too_small",))
    return Volume(analysed, sample_ml, _find_sea(sample_ml, sample), stated is not None)


def _find_analysed(run: RunVolumes, declared_ml: float | None) -> Fraction | str:
    """Return the volume in the instrument, or why it is not known."""
    own = _find_own(run)
    if declared_ml is None:
        return own
    declared = _exact(declared_ml)
    if isinstance(own, str):
        # a cut list or an unknown mode is not mended by a volume of the whole run
        return declared if own in {"no_volume", "volume_zero"} and not run.cut_short else own
    return own if abs(own - declared) <= _SAME * own else "volumes_differ"


def _find_own(run: RunVolumes) -> Fraction | str:
    match run.mode:
        case "auto_image":
            volume_ml = run.imaged_ml
        case "trigger":
            volume_ml = run.processed_ml
        case _:
            given = {value for value in (run.imaged_ml, run.processed_ml) if value}
            if len(given) > 1 or (given and not run.imaged_ml):
                return "mode_unknown"
            volume_ml = run.imaged_ml
    if volume_ml is None:
        return "no_volume"
    if volume_ml <= 0:
        return "volume_zero"
    if not run.cut_short:
        return _exact(volume_ml)
    # each frame of a fixed-rate run looks at the same volume; of a triggered run nobody knows when its frames came
    if run.mode != "auto_image" or not run.frames or not run.frames_read:
        return "list_cut_short"
    return _exact(volume_ml) * min(run.frames_read, run.frames) / run.frames


def _find_sea(sample_ml: Fraction, sample: Sample | None) -> Fraction | None:
    match None if sample is None else sample.water:
        case "whole":
            return sample_ml
        case "concentrated" if sample is not None:
            said = dict(sample.quantities)
            return sample_ml * _exact(said["volume_filtered_l"]) * 1000 / _exact(said["volume_concentrate_ml"])
        case _:
            return None


def pool_volumes(volumes: Iterable[Volume | UnknownVolume]) -> Volume | UnknownVolume:
    """Return the volume of several runs; one unknown makes the sum unknown, one without its sea keeps it per litre analysed.

    Raises
    ------
    ValueError
        If there is none.
    """
    known: list[Volume] = []
    whys: set[str] = set()
    for volume in volumes:
        if isinstance(volume, UnknownVolume):
            whys.update(volume.whys)
        else:
            known.append(volume)
    if whys:
        return UnknownVolume(tuple(sorted(whys)))
    if not known:
        message = "no volumes to pool"
        raise ValueError(message)
    seas = [volume.sea_ml for volume in known if volume.sea_ml is not None]
    return Volume(
        analysed_ml=sum((volume.analysed_ml for volume in known), Fraction()),
        sample_ml=sum((volume.sample_ml for volume in known), Fraction()),
        sea_ml=sum(seas, Fraction()) if len(seas) == len(known) else None,
        stated=all(volume.stated for volume in known),
    )


def _exact(value: float) -> Fraction:
    """Return the decimal number that was written, not the binary one that is kept of it."""
    return Fraction(repr(float(value)))
