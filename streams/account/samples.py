"""Samples of the sample sheet: the runs over each of them pooled, per litre of sea where the sheet says how."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from schemas.errors import FatalFault
from sinks.composition.composition import Composition, compose
from sinks.composition.outputs.composition_table import write_composition_json
from sinks.composition.outputs.telling import Told, tell_run
from sinks.composition.run_counts import RunCounts, map_labels, read_run_counts
from sinks.composition.tally import pool_tallies
from sinks.composition.volumes import find_volume, pool_volumes
from sinks.darwin_core.samples.joining import to_same_name_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from schemas.forms.taxa import Meaning
    from schemas.sample import Sample, SampleRun
    from streams.account.runs import StoredRun
    from streams.feeds.sample_sheet.sheet import SampleSheet

_Member = tuple["Sample", "SampleRun", RunCounts]


@dataclass(frozen=True, slots=True)
class PooledSample:
    """A sample as its runs make it."""

    composition: Composition
    runs: tuple[str, ...]

    @property
    def told(self) -> Told:
        """What is told of it, with the names of its runs."""
        told = tell_run(json.loads(write_composition_json(self.composition)))
        return replace(told, name=f"Sample {told.name}: {', '.join(self.runs)}")


def pool_samples(
    runs: Iterable[StoredRun], sheet: SampleSheet, meanings: Mapping[str, Meaning], read: Callable[[str], bytes]
) -> tuple[PooledSample, ...]:
    """Return the samples of a sheet that have runs, in the order of their ids; runs it does not have are in none.

    Parameters
    ----------
    runs
        Each run once, as it stands.
    read
        Returns an object by its key.

    Raises
    ------
    FatalFault
        If runs of one sample were counted by different rules, or the sheet names a run of which there are two.
    """
    members: dict[str, list[_Member]] = {}
    seen: set[tuple[str, str]] = set()
    for run in runs:
        found = sheet.find(run.announced.unit.feed, run.told.name)
        if found is not None:
            name = (run.announced.unit.feed, run.told.name)
            if name in seen:
                raise to_same_name_fault(run.told.name)
            seen.add(name)
            key = next(asset.key for asset in run.announced.products if asset.role == "counts")
            members.setdefault(found[0].sample_id, []).append((*found, read_run_counts(read(key), of=key)))
    return tuple(_pool(of_sample, meanings) for _, of_sample in sorted(members.items()))


def _pool(members: list[_Member], meanings: Mapping[str, Meaning]) -> PooledSample:
    sample, _, first = members[0]
    names = tuple(counts.run for _, _, counts in members)
    try:
        tally = pool_tallies((counts.tally for _, _, counts in members), first.tally.rules)
    except ValueError as error:
        message = f"The runs {', '.join(names)} of one sample were counted by different rules: look at them again."
        raise FatalFault(message) from error
    composition = compose(
        sample.sample_id,
        map_labels(tally, meanings),
        pool_volumes(find_volume(counts.volumes, sample, row) for _, row, counts in members),
        runs=names,
        demonstration=any(counts.observer is not None and counts.observer.is_demonstration for _, _, counts in members),
    )
    return PooledSample(composition, names)
