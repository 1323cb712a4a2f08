"""What Prometheus reads: figures by installation and period, and the state of the feeds, as text (exposition format 0.0.4)."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.usage import Bounded, Measured
from streams.serving.figures import name_period

if TYPE_CHECKING:
    from schemas.usage import MetricValue
    from streams.account.status import Status
    from streams.serving.board import View

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

#: Periods that ended longer ago are left out, or there would be more series every month: a year of months, and the year.
KEPT = dt.timedelta(days=400)

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric of Prometheus: its name, what it means, and its samples."""

    name: str
    meaning: str
    samples: tuple[tuple[Labels, float], ...]

    def to_text(self) -> str:
        """Return its lines; without samples only what it means."""
        lines = [f"# HELP {self.name} {_escape(self.meaning)}", f"# TYPE {self.name} gauge"]
        lines += [f"{self.name}{_to_labels(labels)} {_to_number(value)}" for labels, value in self.samples]
        return "\n".join(lines) + "\n"


def to_exposition(view: View) -> str:
    """Return all families. What is not measured has no sample: it is not 0."""
    families = [
        Family("observatory_up", "1: broker and store answer.", (({}, 1.0),)),
        Family("observatory_read_timestamp_seconds", "When they were asked last.", (({}, view.read_at.timestamp()),)),
        Family(
            "observatory_metric_records_left_out",
            "Records of the metric topic that are no figures of this program.",
            (({}, float(view.left_out)),),
        ),
        *_list_figures(view),
        *(_list_state(view.status) if view.status is not None else ()),
    ]
    return "".join(family.to_text() for family in families)


def to_outage() -> str:
    """Return what is known while broker or store are away."""
    return Family("observatory_up", "1: broker and store answer.", (({}, 0.0),)).to_text()


def _list_figures(view: View) -> Iterable[Family]:
    shown = [value for value in view.values if value.period.to_at > view.read_at - KEPT]
    points: list[tuple[Labels, float]] = []
    bounds: list[tuple[Labels, float]] = []
    covered: dict[tuple[str, str], float] = {}
    for value in shown:
        period = name_period(value.period, view.start)
        covered[value.installation, period] = value.coverage
        labels = {"installation": value.installation, "metric": value.metric, "period": period, "unit": value.unit}
        if isinstance(value.value, Measured):
            points.append((labels, value.value.value))
        bounds += [({**labels, "bound": name}, bound) for name, bound in _list_bounds(value)]
    yield Family(
        "observatory_figure_flagged_months",
        "Months of the period whose value is a spike or a dip by COUNTER's rule.",
        tuple(_list_flags(shown, view)),
    )
    yield Family("observatory_figure", "Value of a figure; absent where it is not measured.", tuple(points))
    yield Family("observatory_figure_bound", "Bounds, of figures that are not exact.", tuple(bounds))
    yield Family(
        "observatory_figure_coverage_ratio",
        "Share of the period that was counted.",
        tuple(({"installation": name, "period": period}, share) for (name, period), share in covered.items()),
    )


def _list_flags(values: Iterable[MetricValue], view: View) -> Iterable[tuple[Labels, float]]:
    for value in values:
        for kind, count in sorted(Counter(flag.kind for flag in value.flags).items()):
            labels = {"installation": value.installation, "metric": value.metric}
            yield {**labels, "period": name_period(value.period, view.start), "kind": kind}, float(count)


def _list_bounds(value: MetricValue) -> list[tuple[str, float]]:
    told = value.value
    if isinstance(told, Bounded | Measured) and told.low is not None and told.high is not None:
        return [("low", told.low), ("high", told.high)]
    return []


def _list_state(status: Status) -> Iterable[Family]:
    feeds = sorted(status.feeds.items())
    yield Family(
        "observatory_feed_last_result_timestamp_seconds",
        "When the feed's newest result was announced; absent for never.",
        tuple(({"feed": name}, feed.last.stored_at.timestamp()) for name, feed in feeds if feed.last is not None),
    )
    yield Family(
        "observatory_feed_waiting_records",
        "Arrivals of the feed that are not routed, and units that are not done.",
        tuple(({"feed": name}, float(feed.lag)) for name, feed in feeds),
    )
    yield Family(
        "observatory_feed_waiting_is_whole",
        "0: more wait than the feeds' numbers say.",
        (({}, float(status.lag.is_whole)),),
    )
    yield Family(
        "observatory_topic_lag_records",
        "Records that no worker has acknowledged.",
        tuple(({"topic": name}, float(count)) for name, count in sorted(status.lag.topics.items())),
    )
    yield Family(
        "observatory_dead_letters",
        "Inputs that are set aside.",
        tuple(
            ({"feed": name, "reason": reason}, float(count))
            for name, feed in feeds
            for reason, count in sorted(feed.dead_letters.items())
        ),
    )


def _to_labels(labels: Labels) -> str:
    inside = ",".join(f'{name}="{_escape(text, quoted=True)}"' for name, text in labels.items())
    return f"{{{inside}}}" if inside else ""


def _escape(text: str, *, quoted: bool = False) -> str:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n")
    return escaped.replace('"', '\\"') if quoted else escaped


def _to_number(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)
