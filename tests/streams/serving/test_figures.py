from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.usage import Bounded, Measured, MetricValue, Names, NotMeasured, Period
from streams.serving.figures import is_served, name_period, to_figure
from streams.usage.periods import read_period
from streams.usage.reports.metrics import to_metric_values
from streams.usage.reports.tables import to_json
from tests.streams.serving.boards import count, publish_board, report_on
from tests.streams.usage.uses import make_clip_use, make_not_done, make_person, make_use

START = dt.date(2022, 9, 1)

USES = (
    make_use(0),
    make_clip_use("dive", 30, who=make_person("ada")),
    make_clip_use("dive", 30, observer="cd" * 32, who=make_person("ada"), country="ZZ", country_source="none"),
    make_not_done(7, "refused", "not_media"),
    make_use(8, installation="azores", purpose="canary"),
)


def make_value(value) -> MetricValue:
    plain = count(USES)[0].to_plain()
    return MetricValue.model_validate(plain | {"value": value.to_plain()})


@pytest.mark.parametrize(
    ("value", "state"),
    [
        (Measured(value=31), {"state": "measured", "value": 31, "method": "exact"}),
        (
            Measured(value=60_000, method="sketch", low=59_000, high=61_000),
            {"state": "measured", "value": 60_000, "method": "sketch", "low": 59_000, "high": 61_000},
        ),
        (Bounded(low=16, high=26, why="other_key"), {"state": "bounded", "low": 16, "high": 26, "why": "other_key"}),
        (NotMeasured(why="no_login"), {"state": "not_measured", "why": "no_login"}),
        (Names(names=()), {"state": "names", "names": []}),
    ],
)
def test_a_figure_says_what_it_is_and_nothing_that_it_is_not(value, state):
    plain = to_figure(make_value(value), None).to_plain()
    told = {"state", "value", "names", "method", "low", "high", "why"}
    assert {name: plain[name] for name in told & set(plain)} == state


@pytest.mark.parametrize("name", ["2026", "2026-02", "2024-02-29", "M13-24", "M1", "2026-11-02..2026-12-01"])
def test_a_period_is_called_by_a_name_that_asks_for_it_again(name):
    period = read_period(name, project_start=START)
    again = read_period(name_period(period.to_noun(), START), project_start=START)
    assert (again.from_at, again.to_at) == (period.from_at, period.to_at)


@given(st.dates(dt.date(1950, 1, 1), dt.date(2100, 1, 1)), st.integers(1, 2_000), st.booleans())
def test_every_span_of_days_has_a_name_that_asks_for_it_again(first, days, has_start):
    start = START if has_start else None
    period = read_period(f"{first}..{first + dt.timedelta(days=days)}")
    again = read_period(name_period(period.to_noun(), start), project_start=start)
    assert (again.from_at, again.to_at) == (period.from_at, period.to_at)


def test_a_period_within_a_day_is_called_by_its_moments():
    period = Period(from_at="2026-11-02T03:00:00Z", to_at="2026-11-02T04:00:00Z")
    assert name_period(period) == "2026-11-02T03:00:00Z..2026-11-02T04:00:00Z"


def test_what_is_live_is_what_the_report_says():
    periods = ("2026-11", "2026")
    report = json.loads(to_json(report_on(USES, periods=periods)))
    rows = {
        (row["installation"], row["metric"], row["period"]): row
        for rows in report["installations"].values()
        for row in rows
        if not row["detail"]
    }
    view = publish_board(USES).look()
    live = {
        (figure.installation, figure.metric, figure.period): figure
        for figure in (to_figure(value, None) for value in view.values)
        if (figure.metric, figure.period) in {(metric, period) for _, metric, period in rows}
    }
    assert set(live) == set(rows)
    for place, row in rows.items():
        figure = live[place]
        told = list(figure.names) if figure.state == "names" else figure.value
        assert (figure.state, told, figure.why) == (row["state"], row.get("value"), row.get("why"))
        assert (figure.coverage, figure.definition, figure.unit) == (row["coverage"], row["definition"], row["unit"])


def test_every_figure_of_the_metric_topic_is_served():
    report = report_on(USES, periods=("2026-11",))
    assert all(is_served(value.metric) for value in to_metric_values(report))
    assert not is_served("uses_by_owner_upc")
    assert not is_served("pseudonyms")


def test_equal_facts_are_told_by_equal_text_that_is_no_digest_of_a_use():
    one, two = (to_figure(value, None) for value in count(USES[:1])[:2])
    assert one.facts == two.facts
    assert USES[0].to_digest()[:16] not in one.facts
    assert one.facts != to_figure(count(USES)[0], None).facts
