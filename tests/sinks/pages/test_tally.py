"""Totals, the newest entries, and counts over time."""

from __future__ import annotations

import datetime as dt
import tracemalloc

import pytest

from sinks.pages.charts import draw_counts, name_step
from sinks.pages.summary import Balance, Entry
from sinks.pages.tally import count

START = dt.datetime(2024, 6, 12, 6, tzinfo=dt.UTC)


def make_entry(minute, *, fish=0, looked=1, **given):
    captured_at = None if minute is None else START + dt.timedelta(minutes=minute)
    labels = (("fish", fish),) if fish else ()
    return Entry(
        f"unit-{minute}", "camera", "still", f"{minute}.jpg", captured_at, labels, looked, int(not fish), **given
    )


def test_totals_count_every_entry():
    tally = count([make_entry(0, fish=2), make_entry(30), make_entry(None, fish=1)], newest=10)
    assert (tally.units, tally.images, tally.empty, tally.undated, dict(tally.labels)) == (3, 3, 1, 1, {"fish": 3})


def test_the_newest_come_first_in_whatever_order_they_were_given():
    minutes = [40, 10, 70, 30, 100, 0]
    shown = count((make_entry(minute) for minute in minutes), newest=3).list_newest()
    assert [entry.name for entry in shown] == ["100.jpg", "70.jpg", "40.jpg"]


def test_a_gallery_of_none_is_empty():
    assert count([make_entry(0)], newest=0).list_newest() == []


def test_looking_and_seeing_nothing_is_a_zero_and_not_looking_is_a_gap():
    series = count(
        [make_entry(0, fish=3), make_entry(30), make_entry(60), make_entry(120, fish=1)], newest=0
    ).make_series()
    assert series.step == dt.timedelta(minutes=30)
    assert [found and found.labels["fish"] for found in series.bins] == [3, 0, 0, None, 1]


def test_counts_of_a_span_are_summed_over_what_was_looked_at():
    series = count([make_entry(0, fish=3), make_entry(0, fish=160, looked=80), make_entry(30)], newest=0).make_series()
    assert (series.bins[0].looked, series.bins[0].labels["fish"]) == (81, 163)


@pytest.mark.parametrize(
    ("every_min", "number", "step"),
    [
        (1, 60, "1 min"),
        (1, 1440, "30 min"),
        (30, 48, "30 min"),
        (60, 24 * 30, "12 h"),
        (6, 100_000, "7 days"),
        (1440, 60, "1 day"),
    ],
)
def test_spans_are_chosen_to_fit_the_time(every_min, number, step):
    series = count((make_entry(every_min * place) for place in range(number)), newest=0).make_series()
    assert name_step(series.step) == step
    assert 1 < len(series.bins) <= 96
    assert sum(found.looked for found in series.bins) == number


def test_a_single_picture_makes_one_span():
    series = count([make_entry(0, fish=1)], newest=0).make_series()
    assert len(series.bins) == 1


def test_without_dated_pictures_there_is_no_series():
    assert count([make_entry(None)], newest=5).make_series() is None


def test_many_entries_need_little_memory():
    tracemalloc.start()
    try:
        tally = count((make_entry(6 * place, fish=place % 3) for place in range(20_000)), newest=200)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert tally.units == 20_000
    assert most_bytes < 6_000_000


@pytest.mark.parametrize(
    ("balance", "is_even"),
    [
        (Balance(), True),
        (Balance(27, 24, 1, 1, 0, 1), True),
        (Balance(27, 24, 1, 1, 0, 0), False),
        (Balance(1, 2), False),
    ],
)
def test_a_balance_is_even_when_every_input_is_in_one_state(balance, is_even):
    assert balance.is_even is is_even


# --- the drawing ---


def draw(entries, *, width=960):
    tally = count(entries, newest=0)
    return draw_counts(tally.make_series(), tally.labels.most_common(), width=width)


def test_zeros_are_dots_and_gaps_are_hatched():
    svg = draw([make_entry(0, fish=3), make_entry(30), make_entry(60), make_entry(150, fish=1)])
    assert svg.count('class="zero"') == 2
    assert svg.count('fill="url(#gap960)"') == 1
    assert "07:30-08:30 UTC: no image was looked at" in svg


def test_bars_are_findings_per_image():
    svg = draw([make_entry(0, fish=1), make_entry(30, fish=120, looked=80)])
    assert "fish 1.50 per image (120 in 80 images)" in svg
    assert "fish 1.00 per image (1 in 1 image)" in svg
    assert "per image</tspan>" in svg
    assert "images looked at" in svg
    assert "2024-06-12 UTC" in svg


def test_labels_beyond_the_sixth_share_a_row():
    entry = Entry("u", "camera", "still", "x", START, tuple((f"label {place}", place + 1) for place in range(9)), 1)
    svg = draw([entry])
    assert "other labels" in svg
    assert "label 8" in svg
    assert "label 0 " not in svg


def test_a_label_cannot_break_out_of_the_drawing():
    entry = Entry("u", "camera", "still", "x", START, (("</svg><script>alert(1)</script>", 1),), 1)
    svg = draw([entry])
    assert "<script>" not in svg
    assert svg.count("</svg>") == 1


def test_a_day_in_which_nothing_was_seen_has_a_chart_of_the_effort():
    svg = draw([make_entry(0), make_entry(30)])
    assert svg.count('class="effort"') == 2
