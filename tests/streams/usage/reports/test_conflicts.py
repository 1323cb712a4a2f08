"""A use that was contradicted, told again or measured again: which record of it counts, and in which period."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.usage import Program, UsageEvent
from sinks.object_store.memory import MemoryStore
from streams.usage.closing.freezing import freeze
from streams.usage.meter import Meter
from streams.usage.periods import make_current, read_period
from streams.usage.reports.facts import open_facts
from streams.usage.reports.metrics import make_current_values, to_metric_values
from streams.usage.reports.report import make_report
from streams.usage.reports.scope import Scope
from streams.usage.rows import to_fact
from tests.streams.usage.uses import NOW, keep, make_record, make_use

_MONTHS = tuple(map(read_period, ("2026-10", "2026-11", "2026-12")))
_END = dt.datetime(2027, 2, 1, tzinfo=dt.UTC)
_TIMES = tuple(dt.datetime(2026, month, 15, tzinfo=dt.UTC) for month in (10, 11, 12))


def _tell(country: str, month: int, cpu_ms: int | None) -> UsageEvent:
    """Return a record of the one use there is."""
    return make_use(0, country=country, requested_at=_TIMES[month], cpu_ms=cpu_ms)


_records = st.lists(
    st.builds(_tell, st.sampled_from(["ES", "IT", "PT"]), st.integers(0, 2), st.sampled_from([None, 5, 9])),
    min_size=1, max_size=6,
)  # fmt: skip


def _to_use_sha256(event: UsageEvent) -> str:
    return to_fact(make_record(0, event.to_canonical()), event)["use_sha256"]


def _list_deliveries(store) -> list[float]:
    with open_facts(store) as facts:
        report = make_report(facts, _MONTHS, Scope(counted_since={"obsea": _TIMES[0] - dt.timedelta(days=30)}))
    lines = {line.definition.metric: line for line in report.sheets[0].lines if not line.detail}
    return [cell.value.value for cell in lines["deliveries"].cells]


@settings(max_examples=8, deadline=None)
@given(_records, st.randoms(use_true_random=False), st.integers(0, 8))
def test_a_use_counts_as_its_smallest_version_at_that_versions_first_request_however_it_was_told(told, chance, cut):
    smallest = min(map(_to_use_sha256, told))
    first = min(event.requested_at for event in told if _to_use_sha256(event) == smallest)
    wanted = [float(period.from_at <= first < period.to_at) for period in _MONTHS]
    again = [*told, *chance.choices(told, k=len(told))]
    chance.shuffle(again)
    store = keep(again[:cut], again[cut:])
    assert _list_deliveries(store) == wanted
    with open_facts(store) as facts:
        assert len(facts.conflicts) == (len(set(map(_to_use_sha256, told))) > 1)
        live = make_current_values(facts, _END, periods=_MONTHS)
    plain = keep(told)
    with open_facts(plain) as facts:
        assert live == to_metric_values(make_report(facts, (*make_current(_END), *_MONTHS), Scope(as_of_at=_END)))
    files: dict[str, bytes] = {}
    freeze(store, _MONTHS[-1], files.__setitem__)
    frozen = MemoryStore()
    for name, data in files.items():
        frozen.write(name, data, media_type="application/vnd.apache.parquet")
    assert _list_deliveries(frozen) == wanted


@settings(max_examples=4, deadline=None)
@given(_records, st.permutations(range(3)))
def test_a_use_that_is_told_again_while_the_meter_runs_moves_to_no_later_period(told, months):
    store, places = MemoryStore(), []
    meter = Meter(store, "log")
    versions = [event for event in told for _ in months]
    for offset, (event, month) in enumerate(zip(versions, [*months] * len(told), strict=True)):
        repeated = event.model_copy(update={"requested_at": _TIMES[month]})
        meter.take([make_record(offset, repeated.to_canonical(), appended_at=_END)])
        with open_facts(store) as facts:
            ((chosen, at),) = facts.database.run("SELECT use_sha256::VARCHAR, requested_at FROM event")
        places.append((chosen, at))
    for (one, before), (other, after) in pairwise(places):
        assert other < one or (other == one and after <= before)


def test_what_it_took_and_which_list_was_asked_make_no_conflict():
    program = Program(verdict="robot", pattern="bot", list_sha256="5a" * 32, list_version="2026")
    records = [make_use(0), make_use(0, cpu_ms=5), make_use(0, cpu_ms=9, gpu_ms=1), make_use(0, program=program)]
    with open_facts(keep(records)) as facts:
        assert facts.conflicts == ()
        assert facts.database.run("SELECT count(*) FROM event") == [(1,)]
    with open_facts(keep([*records, make_use(0, bytes=1)])) as facts:
        assert len(facts.conflicts) == 1


def test_the_sign_of_one_fact_is_no_digest_of_a_use():
    event = make_use(0)
    row = to_fact(make_record(0, event.to_canonical()), event)
    with open_facts(keep([event])) as facts:
        values = make_current_values(facts, NOW)
    signs = {value.as_of for value in values}
    assert all(sign.startswith("1-") for sign in signs)
    for digest in (row["event_sha256"], row["use_sha256"], event.event_id):
        assert not any(digest[:16] in value.to_canonical().decode() for value in values)
