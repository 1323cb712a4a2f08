"""What single cells say: numbers, dates, identification and links."""

from __future__ import annotations

import datetime as dt

import pytest

from sinks.darwin_core.identification import find_score_limit, rank_observer, to_references
from sinks.darwin_core.plan import DeploymentBook, ModelCard
from sinks.darwin_core.rows import make_occurrence_row, to_cell, to_date, to_media, to_number
from sinks.darwin_core.tally import count_sightings
from sinks.darwin_core.units import place_unit
from tests.sinks.darwin_core.builders import (
    MORNING,
    make_clip,
    make_finding,
    make_item,
    make_labels,
    make_observer,
    make_plan,
    make_still,
    make_still_entry,
    make_whole,
)


def make_occurrences(item, plan=None):
    plan = plan or make_plan()
    scene = place_unit(item, plan, DeploymentBook([]))
    tally = count_sightings(item.result.outcome.content.images, make_labels().to_index())
    return [make_occurrence_row(scene, item.result, seen, plan) for seen in tally.sightings]


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [(41.18212, 7, "41.18212"), (20.0, 3, "20"), (-0.00000001, 7, "0"), (1e-7, 7, "0.0000001"), (100, 0, "100")],
)
def test_a_number_has_no_exponent_no_empty_decimals_and_no_minus_zero(value, decimals, text):
    assert to_number(value, decimals) == text


def test_a_date_is_a_moment_or_an_interval_in_utc():
    east = MORNING.astimezone(dt.timezone(dt.timedelta(hours=2)))
    assert to_date(east, east) == "2025-06-01T06:00:00Z"
    assert to_date(east, east + dt.timedelta(seconds=1.5)) == "2025-06-01T06:00:00Z/2025-06-01T06:00:01.500Z"


def test_a_cell_holds_no_tab_and_no_line_end():
    assert to_cell("a\tb\nc\u2028d") == "a b c d"


def test_the_remarks_of_a_clip_say_count_place_scores_and_threshold():
    (row,) = make_occurrences(make_clip([{"fish": 2}, {"fish": 3}]))
    assert row["identificationRemarks"] == (
        "Predicted by machine; MaxN 3 at 0.04 s (frame 1); 5 findings in 2 of 2 frames; mean score 0.8; max score 0.8; "
        "threshold 0.5"
    )
    assert (row["organismQuantity"], row["organismQuantityType"]) == ("3", "individuals")


def test_a_classified_picture_has_no_quantity_at_all():
    (row,) = make_occurrences(make_item([make_still_entry([make_whole("fish")])]))
    assert "organismQuantity" not in row
    assert "organismQuantityType" not in row
    assert "not counted" in row["identificationRemarks"]


def test_an_observer_without_scores_or_threshold_invents_none():
    observer = make_observer(iou=0.5)
    (row,) = make_occurrences(make_item([make_still_entry([make_finding("fish", None)])], observer=observer))
    assert row["identificationRemarks"] == "Predicted by machine; the observer gives no score"


def test_a_demonstration_model_is_named_in_every_identification():
    (row,) = make_occurrences(make_still(["fish"], observer=make_observer(demonstration=True)))
    assert row["identificationRemarks"].startswith("Made with a demonstration model")


def test_the_reference_is_the_cards_with_the_digest_of_the_weights():
    observer = make_observer(version="2.0")
    cards = (
        ModelCard(name="exampledet", reference="any"),
        ModelCard(name="exampledet", version="2.0", reference="doi:2"),
    )
    assert to_references(observer, ["fish"], cards) == f"doi:2 (exampledet 2.0, sha256 {'ab' * 32})"
    assert to_references(observer, ["fish"], cards[:1]).startswith("any (")
    assert to_references(observer, ["fish"], ()) == f"exampledet 2.0, sha256 {'ab' * 32}"


def test_a_detector_without_a_model_names_itself():
    observer = make_observer().model_copy(update={"models": ()})
    (row,) = make_occurrences(make_still(["fish"], observer=observer))
    assert row["identifiedBy"] == "yolo 1.0.0"
    assert row["identificationReferences"] == "yolo 1.0.0, no trained model"


@pytest.mark.parametrize(
    ("parameters", "limit"),
    [({"conf": 0.25}, 0.25), ({"threshold": 1}, 1.0), ({"iou": 0.5}, None), ({"conf": True}, None)],
)
def test_the_threshold_is_read_from_the_parameters_or_not_said(parameters, limit):
    assert find_score_limit(make_observer(**parameters)) == limit


@pytest.mark.parametrize(
    ("preferred", "rank"),
    [
        ((), 0),
        (("yolo",), 0),
        (("motion", "yolo 1.0.0"), 1),
        (("exampledet 1.2.0",), 0),
        (("0123456789abcdef",), 0),
        (("motion",), None),
    ],
)
def test_a_plan_chooses_observers_by_name_version_model_or_digest(preferred, rank):
    assert rank_observer(make_observer(), "a.b.0123456789abcdef", preferred) == rank


def test_media_are_linked_by_percent_encoded_key_once_each_and_foreign_buckets_not():
    keys = ("originals/a b.jpg", "originals/a b.jpg", "s3://else/c.jpg", "results/x/é.jpg")
    linked = to_media(keys, "https://m.example.org/{key}?v=1")
    assert linked == "https://m.example.org/originals/a%20b.jpg?v=1 | https://m.example.org/results/x/%C3%A9.jpg?v=1"
    assert to_media(keys, None) == ""


def test_the_word_for_presence_follows_the_target():
    (row,) = make_occurrences(make_still(["fish"]), make_plan(target="dwc-2026"))
    assert row["occurrenceStatus"] == "detected"
