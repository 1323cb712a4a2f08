"""Runs inside the decoding process: its files become a header, what others say of its particles, and these one by one."""

from __future__ import annotations

import math
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from schemas.canonical import rounded
from schemas.sampling.run import DeclaredByInstrument, RunRecord
from streams.feeds.decoding.events import Ending, Header, Roi, Roles, Said, Unread
from streams.feeds.runs.base import Particle
from streams.feeds.runs.limits import RunLimits
from streams.feeds.runs.listing import open_listing
from streams.feeds.runs.registry import find_reader, make_readers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from streams.feeds.decoding.events import Event
    from streams.feeds.decoding.limits import Order
    from streams.feeds.decoding.stills import Notes
    from streams.feeds.runs.base import Opinion, Survey
    from streams.feeds.runs.facts import RunFacts

T = TypeVar("T")

#: Names and opinions in one message; with the longest names allowed it stays below the longest message.
_PIECE = 250

#: Fields of a record that hold numbers, none of which is kept when it is not a number that can be.
_MEASURED = (
    "magnification",
    "pixel_um",
    "flow_cell_depth_um",
    "flow_cell_width_um",
    "flow_rate_ml_min",
    "frame_rate_hz",
    "duration_s",
    "dilution",
)
_TOLD = ("instrument", "software", "mode", "flow_cell", "started_at", "ended_at", "started_local", "frames", "notes")

_WORDS = 200

#: Of numbers that are computed here: those of a volume in millilitres.
_DECIMALS = 9


def open_run(listing: Path, order: Order, notes: Notes) -> Iterator[Event]:
    """Yield what a run holds; asked for without its images, which file is which part.

    Raises
    ------
    RejectedInput
        If it is no run, is not complete, or cannot be read as a whole.
    TransientFault
        If a file cannot be read for now.
    """
    limits = RunLimits.make(order.limits)
    with open_listing(listing, limits) as files:
        reader = find_reader(files, make_readers(limits, notes))
        if order.probe:
            survey = reader.survey(files)
            yield _make_header(reader.open(files).facts, survey.group)
            yield from _list_roles(survey, is_archive=files.is_archive)
            return
        run = reader.open(files)
        yield _make_header(run.facts, "")
        for piece in _cut(map(_to_plain, run.opinions()), _PIECE):
            yield Said(piece)
        for entry in run.particles():
            if isinstance(entry, Particle):
                yield Roi(entry.pixels, entry.to_image().to_plain(), entry.measures)
            else:
                yield Unread(entry.index, entry.reason)
        yield Ending()


def to_record(facts: RunFacts, group: str) -> RunRecord:
    """Return the record of a run; what is no number a measurement can be counts as not said."""
    fields: dict[str, Any] = {name: _to_told(getattr(facts, name)) for name in _TOLD}
    fields |= {name: _to_number(getattr(facts, name), above_zero=True) for name in _MEASURED}
    volume, declared = facts.volume, facts.declared
    return RunRecord(
        group=group,
        layout=facts.layout,
        imaged_ml=_to_number(volume.imaged_ml),
        processed_ml=_to_number(volume.processed_ml),
        volume_source=volume.source,
        volume_factor=_to_number(volume.factor),
        declared=DeclaredByInstrument(
            particles=declared.particles,
            **{name: _to_number(getattr(declared, name)) for name in ("particles_per_ml", "imaged_ml", "processed_ml")},
        ),
        **fields,
    )


def _to_told(value: object) -> object:
    if isinstance(value, str):
        return value[:_WORDS] or None
    return value


def _to_number(value: float | None, *, above_zero: bool = False) -> float | None:
    if value is None or not math.isfinite(value) or value < 0 or (above_zero and value == 0):
        return None
    return rounded(value, _DECIMALS)


def _make_header(facts: RunFacts, group: str) -> Header:
    record = to_record(facts, group)
    return Header(kind="run", format=facts.layout, media_type="", width_px=0, height_px=0, run=record.to_plain())


def _list_roles(survey: Survey, *, is_archive: bool) -> Iterator[Roles]:
    if is_archive:
        yield Roles((("archive", ""),))
        return
    opinions = ((f"opinion.{number}", name) for number, name in enumerate(survey.opinions, 1))
    pairs: Iterable[tuple[str, str]] = (*((part.role, part.name) for part in survey.parts), *opinions)
    yield from (Roles(piece) for piece in _cut(pairs, _PIECE))


def _to_plain(opinion: Opinion) -> dict[str, Any]:
    plain = asdict(opinion)
    plain["decided_on"] = None if opinion.decided_on is None else opinion.decided_on.isoformat()
    return plain


def _cut(items: Iterable[T], length: int) -> Iterator[tuple[T, ...]]:
    walk = iter(items)
    while piece := tuple(islice(walk, length)):
        yield piece
