"""The promise of a run reader: what a run's files are, what is known of the run, and its particles, one at a time."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from schemas.errors import RejectedInput
from schemas.finding import FieldPlace, Image, MetricScale, NoScale

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

    import numpy as np
    from numpy.typing import NDArray

    from schemas.finding import UnreadImage
    from schemas.geometry import Place
    from streams.feeds.runs.facts import RunFacts

#: Why a part that a run needs is not ready to be read.
Why = Literal["absent", "cut", "unfinished"]

_WORDS: Mapping[Why, str] = {
    "absent": "is not there",
    "cut": "ends in the middle of a row",
    "unfinished": "is not whole",
}


class Files(Protocol):
    """The files of a run, wherever they lie; names are relative, with ``/`` between folders."""

    @property
    def sizes(self) -> Mapping[str, int]:
        """Names and sizes in bytes, in the order of names."""
        ...

    @property
    def is_archive(self) -> bool:
        """Whether they are members of one archive, which is then the only part."""
        ...

    def open(self, name: str) -> BinaryIO:
        """Open one of them for reading.

        Raises
        ------
        RejectedInput
            If an archive's member cannot be read.
        TransientFault
            If a local file cannot be read for now.
        """
        ...


@dataclass(frozen=True, slots=True)
class RunPart:
    """A file whose bytes decide pixels or measures.

    Attributes
    ----------
    role
        ``list``, ``collage.1``, ``mask.1``, ``context``, ``summary``, ``report``, ``table``, ``edges``, ``calibration.1``,
        ``roi.0``, ``archive``.
    name
        Relative name; absent for ``archive``, which is all files together.
    """

    role: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """A part that must be there, and whole, before the run may be read.

    Attributes
    ----------
    name
        What its file is called, where that is known; no folder.
    """

    role: str
    why: Why
    name: str = ""

    def to_words(self) -> str:
        """Return what is missing, for a person."""
        if self.name:
            return f"{self.role} ({self.name}) {_WORDS[self.why]}"
        where = " (the file .lst, which holds the particles)" if self.role == "list" else ""
        return f"{self.role} {_WORDS[self.why]}{where}"


@dataclass(frozen=True, slots=True)
class Survey:
    """What a listing holds.

    Attributes
    ----------
    group
        The run's name, as its files have it: joins revisions of one run.
    parts
        In the order of roles as they are read.
    opinions
        Names of files that only say what somebody or something thinks the particles are. They are no parts: a late
        opinion reprocesses nothing.
    missing
        Empty when the run can be read.
    is_closed
        Whether the instrument wrote the file it writes last; if not, whoever watches waits until the folder has settled.
    """

    group: str
    parts: tuple[RunPart, ...]
    opinions: tuple[str, ...] = ()
    missing: tuple[Missing, ...] = ()
    is_closed: bool = True

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing


@dataclass(frozen=True, slots=True)
class Particle:
    """One particle as its instrument cut it out.

    Attributes
    ----------
    index
        The instrument's own number where it gives one, else the place among all of the run; never renumbered.
    name
        What the instrument or the sender calls it: an id, a file name. A claim.
    pixels
        uint8 ``(height_px, width_px, 3)``, RGB. Borrowed: valid until the next particle is drawn.
    mask
        bool ``(height_px, width_px)``, true where the particle is. Borrowed too. Absent where there is none.
    measures
        Registered quantities, as the instrument printed them.
    field
        Where it was in the field of view.
    offset_s
        Seconds after the instrument began to look; 0 where nobody says it.
    pixel_um
        Micrometres of one pixel; absent where nobody says it.
    """

    index: int
    name: str
    pixels: NDArray[np.uint8]
    place: Place
    mask: NDArray[np.bool_] | None = None
    measures: Mapping[str, float] = dataclasses.field(default_factory=dict)
    field: FieldPlace | None = None
    offset_s: float = 0.0
    pixel_um: float | None = None
    flags: tuple[str, ...] = ()

    def to_image(self) -> Image:
        """Return the countable picture."""
        height_px, width_px, _ = self.pixels.shape
        scale = NoScale(why="no_calibration")
        return Image(
            index=self.index,
            kind="roi",
            width_px=width_px,
            height_px=height_px,
            offset_s=self.offset_s,
            place=self.place,
            field=self.field,
            scale=scale if self.pixel_um is None else MetricScale(pixel_um=self.pixel_um, method="calibration"),
            flags=self.flags,
        )


@dataclass(frozen=True, slots=True)
class Opinion:
    """What somebody or something says a particle is; kept apart from what the instrument measured.

    Attributes
    ----------
    source
        ``folder``: the name of the folder it was sorted into. ``filter``: an instrument's filter file. ``annotation``: an
        annotation table.
    annotator
        Handle of the person who decided, ``annotator-1`` for the first that the source names; the name itself stays there.
    decided_on
        The day, as the source says it.
    """

    index: int
    label: str
    source: Literal["folder", "filter", "annotation"]
    annotator: str | None = None
    decided_on: dt.date | None = None

    @property
    def is_validated(self) -> bool:
        """Whether a person, whom the source names, decided on a day that it names."""
        return self.annotator is not None and self.decided_on is not None


class OpenRun(Protocol):
    """A run that was found complete."""

    @property
    def facts(self) -> RunFacts:
        """What is known of the run as a whole."""
        ...

    def particles(self) -> Iterator[Particle | UnreadImage]:
        """Yield every particle once, one collage's after the other's; what cannot be read comes with its reason.

        Raises
        ------
        RejectedInput
            If the files are other than they were when the run was opened.
        TransientFault
            If a local file cannot be read for now.
        """
        ...

    def opinions(self) -> Iterator[Opinion]:
        """Yield what was said of the particles by others than this program."""
        ...


class RunReader(Protocol):
    """Reads the runs of one kind of instrument or export."""

    @property
    def layout(self) -> str:
        """Code of the kind of run."""
        ...

    @property
    def version(self) -> str:
        """How it is read, as ``visualspreadsheet/1``: part of every result's identity; raise it when pixels would change."""
        ...

    def recognise(self, files: Files) -> bool:
        """Return whether the files are such a run, by their content."""
        ...

    def survey(self, files: Files) -> Survey:
        """Return the run's parts, and what is missing.

        Raises
        ------
        RejectedInput
            If no further file can make a run of it.
        """
        ...

    def open(self, files: Files) -> OpenRun:
        """Open a complete run.

        Raises
        ------
        RejectedInput
            If it is not complete, or cannot be read as a whole.
        """
        ...


def refuse_incomplete(survey: Survey) -> None:
    """Refuse a run of which something is missing.

    Raises
    ------
    RejectedInput
        ``no_list``, ``list_cut``, ``no_collage``, ``missing_collage`` or ``unfinished_collage``.
    """
    if survey.is_complete:
        return
    collages = [part for part in survey.parts if part.role.startswith("collage.")]
    first = survey.missing[0]
    if first.role == "list":
        reason = "list_cut" if first.why == "cut" else "no_list"
    elif first.why == "unfinished":
        reason = "unfinished_collage"
    else:
        reason = "missing_collage" if collages else "no_collage"
    told = "; ".join(missing.to_words() for missing in survey.missing[:10])
    raise RejectedInput(reason=reason, sentence=f"The run is not complete: {told}.")
