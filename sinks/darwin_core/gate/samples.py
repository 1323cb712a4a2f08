"""The gate's look at the numbers of a sample: abundances are computed again from what else the archive says."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sinks.darwin_core.terms import P01, RUN_EVENT, SAMPLE_EVENT, VALIDATED

if TYPE_CHECKING:
    from sinks.darwin_core.gate.complaints import Complaints
    from sinks.darwin_core.gate.findings import Placed
    from sinks.darwin_core.rows import Row

_VOLUME, _SHARE, _ABUNDANCE, _BIOVOLUME = (f"{P01}{code}/" for code in ("VOLWBSMP", "SSAMPC01", "SDBIOL01", "CVOLUKNB"))

_LITRES_PER_M3 = 1000.0

#: Numbers are written with six digits; three of them meet in an abundance.
_SAME = 2e-5


@dataclass
class ParticleSums:
    """Particles of samples and of the runs over them, which may stand far apart: a number for each sample.

    Attributes
    ----------
    told, found
        By sample: what it says, and what its runs add up to.
    """

    told: dict[str, int] = field(default_factory=dict)
    found: Counter[str] = field(default_factory=Counter)

    def add(self, event: Row, rows: list[Placed]) -> None:
        """Take in one event; others than samples and runs have no particles."""
        for _, row in rows:
            if row["measurementID"] != f"{event['eventID']}:particles" or not row["measurementValue"].isdecimal():
                continue
            if event["eventType"] == SAMPLE_EVENT:
                self.told[event["eventID"]] = int(row["measurementValue"])
            elif event["eventType"] == RUN_EVENT:
                self.found[event["parentEventID"]] += int(row["measurementValue"])

    def check(self, complaints: Complaints) -> None:
        """Complain of samples that have other particles than their runs."""
        for event_id in sorted({*self.told, *self.found}):
            told, found = self.told.get(event_id), self.found[event_id]
            if told != found:
                complaints.add(
                    "sum", event_id, f"{'no' if told is None else told} particles, where its runs have {found}"
                )


def check_sample_sums(event: Row, occurrences: list[Placed], rows: list[Placed], complaints: Complaints) -> None:
    """Check that count / sub-sampling coefficient / volume is the abundance, and that the three stand together.

    A volume without a coefficient is a fault: readers would divide counts by it.
    """
    of_event = {row["measurementTypeID"]: (where, row) for where, row in rows if not row["occurrenceID"]}
    volume_m3, share = (_read(of_event, code, complaints) for code in (_VOLUME, _SHARE))
    if (_VOLUME in of_event) != (_SHARE in of_event):
        complaints.add(
            "effort", event["eventID"], "a volume sampled and a sub-sampling coefficient stand together or not at all"
        )
    if share is not None and not 0 < share <= 1:
        complaints.add("effort", of_event[_SHARE][0], f"a sub-sampling coefficient of {share:g} is not in 0 to 1")
    counts = {row["occurrenceID"]: row["organismQuantity"] for _, row in occurrences}
    for where, row in rows:
        if row["measurementTypeID"] not in {_ABUNDANCE, _BIOVOLUME}:
            continue
        if not volume_m3 or not share:
            complaints.add("sum", where, "per volume of the water body, where no volume sampled is given")
        elif row["measurementTypeID"] == _ABUNDANCE:
            count = counts.get(row["occurrenceID"], "")
            _compare(where, row, float(count or 0) / share / volume_m3 / _LITRES_PER_M3, complaints)
    for where, row in occurrences:
        if (row["identificationVerificationStatus"] == VALIDATED) != bool(row["dateIdentified"]):
            complaints.add("status", where, "a validated identification has a day, and only that has one")


def _compare(where: str, row: Row, expected: float, complaints: Complaints) -> None:
    try:
        found = float(row["measurementValue"])
    except ValueError:
        found = -1.0
    if abs(found - expected) > _SAME * expected:
        told = f"{row['measurementValue']!r} is not count / sub-sampling coefficient / volume, which is {expected:.6g}"
        complaints.add("sum", where, told)


def _read(of_event: dict[str, Placed], code: str, complaints: Complaints) -> float | None:
    """Return a number measured of the event, if it stands there and is one."""
    if code not in of_event:
        return None
    where, row = of_event[code]
    try:
        return float(row["measurementValue"])
    except ValueError:
        complaints.add("sum", where, f"{row['measurementValue']!r} is no number")
        return None
