"""Who says what a particle is, and whom to believe."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.finding import UNIDENTIFIED, FieldPlace, Finding, Image, LookedImage, UnreadImage
from schemas.geometry import Whole, WholePart
from sinks.composition.particles import (
    Filtered,
    Opinion,
    Predicted,
    Validated,
    choose_opinion,
    list_particles,
    make_source,
)

DAY = dt.date(2024, 6, 1)
MODEL, SOFTWARE = Predicted("exampleclass 1.0"), Filtered("VisualSpreadsheet 4.19.3")


@pytest.mark.parametrize(("person", "day"), [(None, None), ("A. Person", None), (None, DAY), ("", DAY), ("  ", DAY)])
def test_only_a_label_that_names_person_and_date_is_validated(person, day):
    assert make_source(person, day, otherwise=SOFTWARE) is SOFTWARE
    assert make_source("A. Person ", DAY, otherwise=SOFTWARE) == Validated("A. Person", DAY)


def test_nobody_is_no_person():
    with pytest.raises(ValueError, match="names the person"):
        Validated(" ", DAY)


@pytest.mark.parametrize("source", [SOFTWARE, Validated("A. Person", DAY)])
def test_filters_and_people_give_no_score(source):
    with pytest.raises(ValueError, match="no score"):
        Opinion("Chaetoceros", source, 1.0)


sources = st.one_of(
    st.sampled_from([MODEL, Predicted("otherclass 2"), SOFTWARE]),
    st.builds(Validated, st.sampled_from(["A. Person", "B. Person"]), st.dates(DAY, dt.date(2024, 6, 9))),
)
opinions = st.builds(Opinion, st.sampled_from(["Chaetoceros", "Rhizosolenia"]), sources)


@given(st.lists(opinions, min_size=1), st.randoms())
def test_people_overrule_models_and_models_overrule_filters_in_whatever_order_they_come(given_opinions, luck):
    chosen = choose_opinion(given_opinions)
    statuses = {opinion.source.status for opinion in given_opinions}
    assert chosen.source.status == next(name for name in ("validated", "predicted", "filtered") if name in statuses)
    if chosen.source.status == "validated":
        days = [item.source.decided_on for item in given_opinions if item.source.status == "validated"]
        assert chosen.source.decided_on == max(days)
    luck.shuffle(given_opinions)
    assert choose_opinion(given_opinions) == chosen


def test_without_an_opinion_a_particle_has_no_name():
    assert choose_opinion([]) is None


def make_entry(index, *findings, **changes):
    fields = {"kind": "roi", "width_px": 20, "height_px": 20, "place": WholePart(part="roi"), "offset_s": 1.5}
    return LookedImage(image=Image(index=index, **{**fields, **changes}), findings=findings)


def make_finding(label, score=0.8, n=0, **changes):
    return Finding(n=n, by="model", label=label, score=score, geometry=Whole(), **changes)


def test_a_stored_result_gives_back_its_particles():
    seen = {"flags": ("repeated",), "field": FieldPlace(frame=7, x_px=271, y_px=677)}
    entries = [
        make_entry(3, make_finding("Chaetoceros", measures={"esd_um": 12.5}, flags=("edge",)), **seen),
        make_entry(4, make_finding(UNIDENTIFIED, None, flags=(UNIDENTIFIED,), measures={"esd_um": 3})),
        make_entry(5),
        UnreadImage(index=6, reason="no_collage"),
    ]
    named, unnamed, empty, unread = list_particles(entries, MODEL)
    assert named.opinion == Opinion("Chaetoceros", MODEL, 0.8)
    assert (named.index, dict(named.measures), named.flags, named.offset_s) == (
        3,
        {"esd_um": 12.5},
        ("edge", "repeated"),
        1.5,
    )
    assert (named.frame, named.x_px, named.y_px) == (7, 271, 677)
    assert (unnamed.frame, unnamed.x_px) == (None, None)
    assert (unnamed.opinion, dict(unnamed.measures)) == (None, {"esd_um": 3})
    assert (empty.index, empty.opinion) == (5, None)
    assert (unread.index, unread.opinion, unread.flags) == (6, None, ("unread",))
