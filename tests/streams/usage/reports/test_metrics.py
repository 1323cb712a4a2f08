from __future__ import annotations

import datetime as dt

from schemas.usage import Measured, MetricValue, NotMeasured
from streams.usage.periods import make_current, read_period
from streams.usage.reports.definitions import DEFINITIONS
from streams.usage.reports.facts import open_facts
from streams.usage.reports.metrics import make_current_values, to_metric_key, to_metric_values
from streams.usage.reports.report import make_report
from streams.usage.reports.scope import Scope
from tests.streams.usage.uses import NOW, keep, make_clip_use, make_use

_USES = (make_use(0), make_clip_use("dive", 30))


def _values(**how: object) -> dict[bytes, MetricValue]:
    with open_facts(keep(_USES)) as facts:
        values = make_current_values(facts, NOW + dt.timedelta(hours=1), **how)
    keyed = {to_metric_key(value): value for value in values}
    assert len(keyed) == len(values)
    return keyed


def test_each_figure_of_the_current_month_and_year_has_a_key_of_its_own():
    keyed = _values()
    month = b"obsea/images_processed/2026-11-01T00:00:00.000Z/2026-12-01T00:00:00.000Z"
    year = b"obsea/images_processed/2026-01-01T00:00:00.000Z/2027-01-01T00:00:00.000Z"
    assert keyed[month].value == keyed[year].value == Measured(value=31)
    assert {value.metric for value in keyed.values()} >= {"images_processed_still", "images_processed_frame"}
    assert (
        not {value.metric for value in keyed.values()}
        - set(DEFINITIONS)
        - {
            "images_processed_still",
            "images_processed_frame",
            "units_processed_still",
            "units_processed_clip",
        }
    )


def test_a_january_and_its_year_do_not_overwrite_each_other():
    january, year = (
        MetricValue.model_validate(next(iter(_values().values())).to_plain() | {"period": period.to_noun().to_plain()})
        for period in make_current(dt.datetime(2027, 1, 5, tzinfo=dt.UTC))
    )
    assert to_metric_key(january) != to_metric_key(year)


def test_a_value_says_how_it_was_counted():
    value = next(value for value in _values().values() if value.metric == "images_processed")
    assert value.definition == "images_processed@1"
    assert value.profile == "observatory-1"
    assert value.additive
    assert value.unit == "image"
    assert 0 < value.coverage < 1
    assert value.gaps[0].to_at == NOW
    assert value.as_of.startswith("2-")
    assert MetricValue.from_json(value.to_canonical()) == value


def test_users_without_a_login_are_not_measured():
    users = [value for value in _values().values() if value.metric == "unique_users"]
    assert [value.value for value in users] == [NotMeasured(why="no_login")] * 2
    assert not any(value.additive for value in users)


def test_the_current_values_are_those_of_the_report():
    now_at = NOW + dt.timedelta(hours=1)
    project = read_period("M1-12", project_start=dt.date(2026, 9, 1))
    with open_facts(keep(_USES)) as facts:
        values = make_current_values(facts, now_at, periods=(project,))
        report = make_report(facts, (*make_current(now_at), project), Scope(as_of_at=now_at))
    assert values == to_metric_values(report)
    assert {value.period.from_at for value in values} == {
        dt.datetime(2026, month, 1, tzinfo=dt.UTC) for month in (1, 9, 11)
    }


def test_equal_facts_are_told_by_equal_text_and_other_facts_by_another():
    def read(*uses) -> set[str]:
        with open_facts(keep(uses)) as facts:
            return {value.as_of for value in make_current_values(facts, NOW + dt.timedelta(hours=1))}

    assert read(*_USES) == read(*reversed(_USES))
    assert read(*_USES) != read(_USES[0])
    assert read(make_use(0)) != read(make_use(0, bytes=7))
