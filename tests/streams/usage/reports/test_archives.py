from __future__ import annotations

import pytest

from streams.usage.periods import read_period
from streams.usage.reports.facts import open_facts
from streams.usage.reports.figures import read_figures
from tests.streams.usage.uses import keep, make_use, to_content


@pytest.mark.parametrize("pictures", [2, 12, 240])
def test_a_picture_that_stands_twice_in_an_archive_is_one_image_looked_at_again_and_surely_not_new(pictures):
    contents = tuple(to_content(number // 2) for number in range(2 * pictures))
    archives = [
        make_use(number, units={"image_set": 1}, images={"still": len(contents)}, contents=contents)
        for number in range(3)
    ]
    with open_facts(keep(archives)) as facts:
        tally = read_figures(facts, read_period("2026-11"), ["obsea"])["obsea"].sum_images("processed")
    assert (tally.runs, tally.fresh, tally.unsure) == (6 * pictures, pictures, 0)
