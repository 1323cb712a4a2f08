"""Which results of a run speak: a run saved again, filtered or classified again supersedes the former and counts once."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Literal

from schemas.errors import FatalFault

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Who an observer is: people, a detector, or the instrument's own software.
Speaker = Literal["people", "detector", "instrument"]


@dataclass(frozen=True, slots=True)
class Revision:
    """A stored result of one closed unit of a run.

    Attributes
    ----------
    feed, group
        Of which source, and the run's name; all units of one name are the same run, saved at different times, unless they say
        that they began at different times.
    started_at
        When the instrument began, where that is known.
    unit_id, closed_at
        Which unit, and when it was complete: the newest one of a group is the run.
    result_id, stored_at
        Which result, and when it was stored.
    speaker, rank
        Who says it, and the observer's place among those the data set prefers (0 is best; absent: not among them).
    name
        The observer for people to read.
    """

    feed: str
    group: str
    unit_id: str
    closed_at: dt.datetime
    result_id: str
    stored_at: dt.datetime
    speaker: Speaker
    name: str
    rank: int | None = 0
    started_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class ChosenRun:
    """A run as it counts.

    Attributes
    ----------
    model
        The result that names every particle: a detector's, or the instrument's where there is no other; absent when only people
        spoke.
    people
        Results of people, newest last. Particle by particle they overrule the model
        (:func:`sinks.composition.particles.choose_opinion`).
    former
        How many other results of the run no longer count.
    """

    feed: str
    group: str
    unit_id: str
    model: Revision | None
    people: tuple[Revision, ...]
    former: int = 0


@dataclass(frozen=True, slots=True)
class Choice:
    """What became of all results: each is in a chosen run or left out.

    Attributes
    ----------
    left_out
        Result and reason: ``superseded_unit`` (the run was saved again), ``superseded_result`` (the same people's file or the
        same observer's answer was renewed), ``model_preferred`` (the instrument's filter beside a model),
        ``other_observer_chosen``, ``observer_not_chosen``.
    """

    runs: tuple[ChosenRun, ...]
    left_out: tuple[tuple[Revision, str], ...]


class SeveralModelsError(FatalFault):
    """Two models named the particles of one run, and nobody says which one speaks."""


def choose_revisions(revisions: Iterable[Revision]) -> Choice:
    """Return which results of each run count: of its units the newest closed one; of its observers people over model.

    The order in which results are given plays no part, and a result given twice counts once.

    Raises
    ------
    SeveralModelsError
        If a unit has results of two detectors of equal rank.
    """
    ordered = sorted(set(revisions), key=_to_order)
    runs: list[ChosenRun] = []
    left_out: list[tuple[Revision, str]] = []
    for _, members in groupby(ordered, key=lambda item: (item.feed, item.group)):
        for of_run in _part_runs(list(members)):
            newest, before = of_run[-1], len(left_out)
            left_out += [(item, "superseded_unit") for item in of_run if item.unit_id != newest.unit_id]
            chosen = _choose_speakers([item for item in of_run if item.unit_id == newest.unit_id], left_out)
            if chosen is not None:
                runs.append(replace(chosen, former=len(left_out) - before))
    return Choice(tuple(runs), tuple(sorted(left_out, key=lambda pair: _to_order(pair[0]))))


def _part_runs(of_name: list[Revision]) -> list[list[Revision]]:
    """Return the results of one name, run by run: runs that began at different times are no revisions of each other.

    A result that does not say when its run began is of the one run of its name; where there are several, it is a run by itself.
    """
    starts = sorted({item.started_at for item in of_name if item.started_at is not None})
    if len(starts) <= 1:
        return [of_name]
    parts = [[item for item in of_name if item.started_at == start] for start in (None, *starts)]
    return [part for part in parts if part]


def _to_order(item: Revision) -> tuple[str | dt.datetime | int, ...]:
    """Return what puts results in one order, whatever order they came in: runs, then their units by age, then results."""
    unit = (item.feed, item.group, item.closed_at, item.unit_id)
    return (*unit, item.stored_at, item.result_id, item.speaker, item.name, -1 if item.rank is None else item.rank)


def _choose_speakers(of_unit: list[Revision], left_out: list[tuple[Revision, str]]) -> ChosenRun | None:
    """Return the run as its results of one unit give it; results that do not count go to ``left_out``."""
    people: list[Revision] = []
    models: dict[Speaker, list[Revision]] = {"detector": [], "instrument": []}
    for item in of_unit:
        if item.speaker == "people":
            people.append(item)
        elif item.rank is None:
            left_out.append((item, "observer_not_chosen"))
        else:
            models[item.speaker].append(item)
    detectors = _renew(models["detector"], left_out)
    filters = _renew(models["instrument"], left_out)
    speaking = detectors or filters
    left_out += [(item, "model_preferred") for item in filters if detectors]
    if len(speaking) > 1 and speaking[0].rank == speaking[1].rank:
        raise _to_fault(speaking)
    left_out += [(item, "other_observer_chosen") for item in speaking[1:]]
    kept = sorted(_renew(people, left_out), key=_to_order)
    if not speaking and not kept:
        return None
    first = of_unit[0]
    return ChosenRun(first.feed, first.group, first.unit_id, speaking[0] if speaking else None, tuple(kept))


def _renew(results: list[Revision], left_out: list[tuple[Revision, str]]) -> list[Revision]:
    """Return the newest result of each observer, best rank first; the older ones are superseded."""
    newest: dict[str, Revision] = {}
    for item in sorted(results, key=_to_order):
        if item.name in newest:
            left_out.append((newest[item.name], "superseded_result"))
        newest[item.name] = item
    return sorted(newest.values(), key=lambda item: (item.rank or 0, item.name))


def _to_fault(speaking: list[Revision]) -> SeveralModelsError:
    names = ", ".join(sorted(item.name for item in speaking if item.rank == speaking[0].rank))
    message = (
        f"The run {speaking[0].group} was classified by several models: {names}. Say in the data set's 'observers' which one "
        "speaks, best first."
    )
    return SeveralModelsError(message)
