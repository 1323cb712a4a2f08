from __future__ import annotations

import datetime as dt
import re
from collections import Counter

import pytest

from schemas.errors import TransientFault
from schemas.usage import Bounded, Measured, MetricValue
from streams.account.lag import Lag
from streams.account.status import FeedStatus, LastResult, Status
from streams.serving.board import View
from streams.serving.exposition import MEDIA_TYPE, to_exposition
from tests.schemas.samples import NOUNS
from tests.streams.serving.boards import Site, count, count_periods, publish_board
from tests.streams.usage.uses import NOW, make_person, make_use

USES = (make_use(0), make_use(1, who=make_person("ada")), make_use(2, installation="azores"))

#: A line of the text format: name, labels, value.
SAMPLE = re.compile(r'([a-zA-Z_:][\w:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)*\})? (\S+)')


def parse(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Read the text format as its documentation tells it; anything that is not of it is an error."""
    found, typed = {}, set()
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            name = line.split(" ")[2]
            assert name not in typed
            typed.add(name)
            continue
        if line.startswith("# HELP "):
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        name, labels, value = match.groups()
        assert name in typed
        pairs = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or "")
        place = (name, frozenset((key, re.sub(r"\\(.)", r"\1", text)) for key, text in pairs))
        assert place not in found
        found[place] = float(value)
    return found


def find(samples, name: str, **labels: str) -> float | None:
    found = [value for (own, pairs), value in samples.items() if own == name and frozenset(labels.items()) <= pairs]
    assert len(found) <= 1, found
    return found[0] if found else None


def test_figures_are_told_by_installation_and_period():
    answer = Site(publish_board(USES)).get("/metrics")
    assert answer.headers["content-type"] == MEDIA_TYPE
    samples = parse(answer.text)
    images = {"metric": "images_processed", "period": "2026-11", "unit": "image"}
    assert find(samples, "observatory_figure", installation="obsea", **images) == 2
    assert find(samples, "observatory_figure", installation="azores", **images) == 1
    assert find(samples, "observatory_figure", installation="obsea", metric="unique_users", period="2026") == 1
    assert 0 < find(samples, "observatory_figure_coverage_ratio", installation="obsea", period="2026-11") < 1
    assert find(samples, "observatory_up") == 1


def test_what_is_not_measured_has_no_sample():
    samples = parse(to_exposition(publish_board(USES).look()))
    assert find(samples, "observatory_figure", installation="azores", metric="unique_users", period="2026") is None
    assert find(samples, "observatory_figure", installation="azores", metric="reads", period="2026") == 0


@pytest.mark.parametrize(
    "value",
    [Measured(value=60_000, method="sketch", low=59_000, high=61_000), Bounded(low=59_000, high=61_000, why="a")],
)
def test_bounds_are_told_beside(value):
    plain = count(USES)[0].to_plain() | {"value": value.to_plain()}
    view = View(NOW, (MetricValue.model_validate(plain),))
    samples = parse(to_exposition(view))
    assert find(samples, "observatory_figure_bound", bound="low") == 59_000
    assert find(samples, "observatory_figure_bound", bound="high") == 61_000
    assert find(samples, "observatory_figure") == (60_000 if isinstance(value, Measured) else None)


def test_periods_that_ended_long_ago_make_no_series():
    values = count_periods(USES, periods=("2026-11", "2024", "2025-12", "2025-01"))
    samples = parse(to_exposition(View(NOW, values)))
    periods = {dict(pairs)["period"] for (name, pairs) in samples if name == "observatory_figure_coverage_ratio"}
    assert periods == {"2026-11", "2025-12"}


def test_freshness_lag_and_dead_letters_are_told_by_feed_and_reason():
    stored_at = dt.datetime(2026, 11, 20, 9, tzinfo=dt.UTC)
    feeds = {
        'odd"name\\': FeedStatus(LastResult(stored_at, NOUNS["announcement"]), Counter(not_media=2, poison=1), lag=7),
        "silent": FeedStatus(),
    }
    lag = Lag(topics=Counter({"media.arrived.v1": 7, "usage.recorded.v1": 0}), is_whole=False)
    samples = parse(to_exposition(View(NOW, status=Status(NOW, feeds, lag))))
    odd = {"feed": 'odd"name\\'}
    assert find(samples, "observatory_feed_last_result_timestamp_seconds", **odd) == stored_at.timestamp()
    assert find(samples, "observatory_feed_last_result_timestamp_seconds", feed="silent") is None
    assert find(samples, "observatory_feed_waiting_records", **odd) == 7
    assert find(samples, "observatory_feed_waiting_is_whole") == 0
    assert find(samples, "observatory_topic_lag_records", topic="media.arrived.v1") == 7
    assert find(samples, "observatory_dead_letters", reason="not_media", **odd) == 2
    assert find(samples, "observatory_dead_letters", reason="poison", **odd) == 1
    assert find(samples, "observatory_dead_letters", feed="silent") is None


def test_an_outage_is_a_sample_and_no_old_number():
    class Away:
        def look(self):
            raise TransientFault("The broker does not answer.")

    answer = Site(Away()).get("/metrics")
    assert answer.status == 200
    assert parse(answer.text) == {("observatory_up", frozenset()): 0}
