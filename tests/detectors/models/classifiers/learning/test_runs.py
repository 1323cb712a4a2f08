"""The split: whatever the runs, none is on both sides, and nothing is lost."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.models.classifiers.learning.pictures import LabelledPicture
from detectors.models.classifiers.learning.runs import split_runs
from schemas.errors import FatalFault

LABELS = ("a", "b")


def make_pictures(counts):
    """Return pictures: for each run, how many of each class."""
    return [
        LabelledPicture(Path(f"{run}_{label}_{number}.png"), label, run)
        for run, row in counts.items()
        for label, count in zip(LABELS, row, strict=True)
        for number in range(count)
    ]


def list_runs(pictures, places):
    """Return the runs of places."""
    return {pictures[place].run for place in places}


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12)), min_size=2, max_size=9), st.integers(0, 3))
def test_no_run_is_on_both_sides_and_every_picture_is_on_one(rows, seed):
    pictures = make_pictures({f"run{number}": row for number, row in enumerate(rows)})
    split = split_runs(pictures, LABELS, seed=seed)
    assert sorted((*split.learned, *split.watched, *split.held_out)) == list(range(len(pictures)))
    away, near = list_runs(pictures, split.held_out), list_runs(pictures, (*split.learned, *split.watched))
    assert away.isdisjoint(near)
    assert (set(split.held_out_runs), set(split.learned_runs)) == (away, near)
    assert {pictures[place].label for place in split.learned} == set(LABELS)
    assert split == split_runs(pictures, LABELS, seed=seed)


def test_the_runs_named_are_held_out_and_every_fifth_of_the_others_is_watched():
    pictures = make_pictures({"sulfate": (70, 20), "nitrate": (80, 5)})
    split = split_runs(pictures, LABELS, held_out=["nitrate"])
    assert list_runs(pictures, split.held_out) == {"nitrate"}
    assert Counter(pictures[place].label for place in split.watched) == {"a": 14, "b": 4}
    assert "learnt from sulfate (90 pictures, of which 18 only watched" in split.how
    assert "tested on nitrate (85 pictures)" in split.how


def test_with_runs_to_spare_whole_runs_are_watched():
    pictures = make_pictures({f"run{number}": (10, 10) for number in range(8)})
    split = split_runs(pictures, LABELS)
    assert split.watched
    assert list_runs(pictures, split.watched).isdisjoint(list_runs(pictures, split.learned))


@pytest.mark.parametrize(
    ("counts", "held_out", "sentence"),
    [
        ({"one": (5, 5)}, (), "one run only"),
        ({"one": (5, 5), "two": (5, 5)}, ("three",), "no run three; there are one, two"),
        ({"one": (5, 5), "two": (5, 5)}, ("one", "two"), "no run left to learn from"),
        ({"one": (5, 0), "two": (5, 5)}, ("two",), "All pictures of b are of runs that are held out"),
    ],
)
def test_runs_that_leave_nothing_to_learn_or_to_test_are_refused(counts, held_out, sentence):
    with pytest.raises(FatalFault, match=sentence):
        split_runs(make_pictures(counts), LABELS, held_out=held_out)
