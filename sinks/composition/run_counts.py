"""The counts of one run, label by label, as a document beside its result: a sample is the sum of its runs' documents.

Labels are counted, not taxa, so a corrected label map or sample sheet changes what is made of a document and not the document.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from schemas.canonical import to_canonical
from schemas.errors import FatalFault
from schemas.result import Observer
from schemas.sampling.run import LIST_CUT_SHORT
from sinks.composition.flags import FlagRules, SphereRule
from sinks.composition.tally import Group, Part, Rules, Tally, find_meant
from sinks.composition.volumes import RunVolumes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.forms.taxa import Meaning
    from schemas.sampling.run import RunRecord
    from sinks.composition.tally import Key

#: Name of the document in the folder of the run's result.
COUNTS = "counts.json"

_SCHEMA = "run-counts/1"

#: Sums that may be too large for a number of JSON, so they are texts there.
_LARGE = ("volume", "squares", "diameters", "diameter_squares")


@dataclass(frozen=True, slots=True)
class RunCounts:
    """A run as it was counted.

    Attributes
    ----------
    feed, run
        Of which source, and its name: the ``group`` of its unit. Together they lead to a row of the sample sheet.
    instrument
        Id of the instrument.
    unit_id
        The unit whose particles were counted.
    volumes
        What the run's own files say; what the sample sheet says is added when the counts are used.
    tally
        Counted by rules without meanings (:func:`without_meanings`).
    observer
        The detector whose model named particles; absent where the instrument's filter or people did it alone.
    """

    feed: str
    run: str
    instrument: str
    unit_id: str
    volumes: RunVolumes
    tally: Tally
    observer: Observer | None = None

    def __post_init__(self) -> None:
        """Refuse counts of taxa: which labels they had, and how large those were, cannot be told any more."""
        if any(group.taxon or group.kind not in {"unmapped", "unidentified"} for group, _ in _list_keys(self.tally)):
            message = "the counts of a run are counts of labels, made by rules without meanings"
            raise ValueError(message)


def to_run_volumes(record: RunRecord) -> RunVolumes:
    """Return what a run's record says of its volume."""
    return RunVolumes(
        mode=record.mode,
        imaged_ml=record.imaged_ml,
        processed_ml=record.processed_ml,
        dilution=record.dilution,
        cut_short=LIST_CUT_SHORT in record.notes,
        frames=record.frames,
    )


def without_meanings(rules: Rules) -> Rules:
    """Return the rules by which the particles of a run are counted for its document: label by label."""
    return replace(rules, meanings={})


def map_labels(tally: Tally, meanings: Mapping[str, Meaning]) -> Tally:
    """Return counts of labels as counts of what the labels stand for; labels that are not known stay as they are."""
    mapped = Tally(replace(tally.rules, meanings=meanings), by_flag=Counter(tally.by_flag))
    for parts, to in ((tally.counted, mapped.counted), (tally.flagged, mapped.flagged)):
        for (group, status), part in parts.items():
            meant = find_meant(group.name, meanings) if group.kind == "unmapped" else group
            to.setdefault((meant, status), Part()).add(part)
    return mapped


def write_run_counts(counts: RunCounts) -> bytes:
    """Return the document: canonical JSON (RFC 8785), the same bytes for the same counts."""
    tally = counts.tally
    plain = {
        "schema_name": _SCHEMA,
        "feed": counts.feed,
        "run": counts.run,
        "instrument": counts.instrument,
        "unit_id": counts.unit_id,
        "volumes": _leave_out_unknown(asdict(counts.volumes)),
        "rules": tally.rules.to_plain(),
        "counted": _to_plain_parts(tally.counted),
        "flagged": _to_plain_parts(tally.flagged),
        "by_flag": dict(tally.by_flag),
    }
    if counts.observer is not None:
        plain["observer"] = counts.observer.to_plain()
    return to_canonical(plain)


def read_run_counts(data: bytes, *, of: str = COUNTS) -> RunCounts:
    """Return the counts that a document holds.

    Parameters
    ----------
    of
        How a fault names the document.

    Raises
    ------
    FatalFault
        If it is not such a document: the store's, so not a scientist's mistake.
    """
    try:
        plain = json.loads(data)
        if plain["schema_name"] != _SCHEMA:
            message = f"its schema is {plain['schema_name']!r}"
            raise ValueError(message)  # noqa: TRY301 - named together with all else that can be wrong with it
        observer = plain.get("observer")
        return RunCounts(
            feed=plain["feed"],
            run=plain["run"],
            instrument=plain["instrument"],
            unit_id=plain["unit_id"],
            volumes=RunVolumes(**plain["volumes"]),
            tally=_read_tally(plain),
            observer=None if observer is None else Observer.model_validate(observer),
        )
    except (KeyError, TypeError, ValueError, ValidationError) as error:
        message = f"The counts of a run in {of} cannot be read as {_SCHEMA}: {type(error).__name__}."
        raise FatalFault(message) from error


def _list_keys(tally: Tally) -> list[Key]:
    return [*tally.counted, *tally.flagged]


def _to_plain_parts(parts: dict[Key, Part]) -> list[dict[str, Any]]:
    """Return parts in an order of their own; labels are the groups, so they are not said twice."""
    ordered = sorted(parts.items(), key=lambda pair: (pair[0][0].kind, pair[0][0].name, pair[0][1] or ""))
    return [_to_plain_part(key, part) for key, part in ordered]


def _to_plain_part(key: Key, part: Part) -> dict[str, Any]:
    group, status = key
    plain = {
        "particles": part.particles,
        "unmeasured": part.unmeasured,
        "sizes": {str(number): count for number, count in part.sizes.items()},
        "unsized": part.unsized,
        "scores": part.scores,
        "scored": part.scored,
        "best": part.best,
        "speakers": sorted(part.speakers),
        **{name: str(getattr(part, name)) for name in _LARGE},
    }
    known = {
        "label": group.name if group.kind == "unmapped" else None,
        "status": status,
        "first_on": None if part.first_on is None else part.first_on.isoformat(),
        "last_on": None if part.last_on is None else part.last_on.isoformat(),
    }
    return plain | _leave_out_unknown(known)


def _leave_out_unknown(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _read_tally(plain: dict[str, Any]) -> Tally:
    said = plain["rules"]
    rules = Rules(
        meanings={},
        thresholds=said["thresholds"],
        threshold=said["threshold"],
        shape=said["biovolume"]["shape"],
        size_measure=said["size_measure"],
        edges_um=tuple(float(edge) for edge in said["size_edges_um"]),
        flags=FlagRules(spheres=tuple(SphereRule(**sphere) for sphere in said["spheres"])),
    )
    counted, flagged = (dict(map(_read_part, plain[name])) for name in ("counted", "flagged"))
    return Tally(rules, counted, flagged, Counter(plain["by_flag"]))


def _read_part(plain: dict[str, Any]) -> tuple[Key, Part]:
    label = plain.get("label")
    part = Part(
        labels=Counter() if label is None else Counter({label: plain["particles"]}),
        sizes=Counter({int(number): count for number, count in plain["sizes"].items()}),
        speakers=set(plain["speakers"]),
        first_on=_read_day(plain.get("first_on")),
        last_on=_read_day(plain.get("last_on")),
        **{name: plain[name] for name in ("particles", "unmeasured", "unsized", "scores", "scored", "best")},
        **{name: int(plain[name]) for name in _LARGE},
    )
    group = Group("unidentified") if label is None else Group("unmapped", label)
    return (group, plain.get("status")), part


def _read_day(text: str | None) -> dt.date | None:
    return None if text is None else dt.date.fromisoformat(text)
