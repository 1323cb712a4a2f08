"""The runs whose results are stored: which of them stand, what each is made of, and where its files are."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from schemas.result import ResultStored
from schemas.sampling.run import RunRecord
from schemas.unit import find_start
from sinks.composition.outputs.telling import Told, tell_run
from sinks.composition.revisions import Revision, choose_revisions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from schemas.topics import Topics
    from streams.brokers.client import Client

#: Roles of products that are pictures of a run: what it is made of, then what its particles look like.
PICTURES = ("plot", "sheet")


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run that stands.

    Attributes
    ----------
    folder
        Object key below which everything of its result lies.
    former
        Results of the same run, saved or looked at before, that no longer count.
    """

    announced: ResultStored
    told: Told
    folder: str
    former: int = 0

    def to_plain(self) -> dict[str, Any]:
        """Return the JSON object of this run."""
        keys = {asset.role: asset.key for asset in self.announced.products if asset.role != "sheet"}
        return {
            **self.told.to_plain(),
            "unit_id": self.announced.unit.unit_id,
            "folder": self.folder,
            "objects": keys,
            "former": self.former,
        }


def read_runs(client: Client, topics: Topics, read: Callable[[str], bytes]) -> tuple[StoredRun, ...]:
    """Return the runs that stand, as they were announced; see :func:`list_runs`.

    Raises
    ------
    TransientFault
        If broker or store is away.
    """
    records = client.read(topics.result_stored)
    return list_runs((ResultStored.from_json(record.value) for record in records if record.value), read)


def list_runs(announced: Iterable[ResultStored], read: Callable[[str], bytes]) -> tuple[StoredRun, ...]:
    """Return the runs that stand: of one that was saved or looked at again, the newest.

    Parameters
    ----------
    announced
        In the order of their topic; other kinds of units are passed over.
    read
        Returns an object by its key.
    """
    results = {item.result_id: item for item in announced if item.unit.kind == "run"}
    told = {result_id: _tell(item, read) for result_id, item in results.items()}
    revisions = [
        _to_revision(item, told[result_id].name, place) for place, (result_id, item) in enumerate(results.items())
    ]
    choice = choose_revisions(revisions)
    standing = [
        StoredRun(
            results[run.model.result_id],
            _tell_former(told[run.model.result_id], run.former),
            results[run.model.result_id].document.key.rpartition("/")[0],
            run.former,
        )
        for run in choice.runs
        if run.model is not None
    ]
    return tuple(sorted(standing, key=lambda run: (run.announced.unit.feed, run.told.name)))


def _tell_former(told: Told, former: int) -> Told:
    """Return what is told of a run, with how many of its results no longer count: they are those of a run of its name."""
    if not former:
        return told
    counted = (
        "1 former result of this run no longer counts"
        if former == 1
        else f"{former:,} former results of this run no longer count"
    )
    note = f"{counted}: it was saved or looked at again, or another run has its name and says no other start."
    return replace(told, notes=(*told.notes, note))


def _tell(announced: ResultStored, read: Callable[[str], bytes]) -> Told:
    keys = {asset.role: asset.key for asset in announced.products}
    return tell_run(json.loads(read(keys["composition"])), RunRecord.from_json(read(keys["run"])))


def _to_revision(announced: ResultStored, group: str, place: int) -> Revision:
    """Return a result as one among those of its run; of two observers, the one that was announced last speaks."""
    arrived_at, stored_at = announced.processing.arrived_at, announced.processing.finished_at
    return Revision(
        feed=announced.unit.feed,
        group=group,
        unit_id=announced.unit.unit_id,
        closed_at=arrived_at,
        result_id=announced.result_id,
        stored_at=stored_at,
        speaker="detector",
        name=announced.result_id.rpartition(".")[2],
        rank=-place,
        started_at=find_start(announced.unit.captured),
    )
