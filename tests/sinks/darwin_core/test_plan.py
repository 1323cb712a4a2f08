"""Plans: what a person may decide, and that every wrong decision is named at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from schemas.errors import FatalFault
from sinks.darwin_core.labels import read_label_map
from sinks.darwin_core.plan import Camera, Party, read_plan
from tests.sinks.darwin_core.builders import make_deployment, make_plan

GOOD = """
title = "Fishes seen by a camera"
dataset_id = "exobs"
institution_code = "EMI"
licence = "CC-BY"
abstract = ["One paragraph,\\nwith a line end."]
geographic_description = "A coast."
sampling_description = "A picture a minute."

[[creators]]
organisation = "Example Marine Institute"
email = "data@example.org"

[[contacts]]
organisation = "Example Marine Institute"

[[model_cards]]
name = "exampledet"
reference = "https://doi.org/10.0000/example"
"""


def test_a_plan_is_read_from_toml():
    plan = read_plan(GOOD)
    assert plan.abstract == ("One paragraph, with a line end.",)
    assert (plan.target, plan.media_url, plan.model_cards[0].version) == ("obis", None, None)


def test_all_faults_of_a_plan_are_named_at_once():
    text = GOOD.replace("CC-BY", "CC-BY-SA").replace("exobs", "ex:obs").replace("title", "titel")
    with pytest.raises(FatalFault) as caught:
        read_plan(text, of="dataset.toml")
    for part in ("dataset.toml has 4 faults", "licence", "dataset_id", "title", "titel"):
        assert part in caught.value.sentence


def test_text_that_is_no_toml_is_refused():
    with pytest.raises(FatalFault, match="not TOML"):
        read_plan("title = ")


@pytest.mark.parametrize(
    "change",
    [
        {"media_url": "https://m.example.org/{key}/{user}"},
        {"media_url": "https://m.example.org/fixed.jpg"},
        {"media_url": "ftp://m.example.org/{key}"},
        {"media_url": "https://m.example.org/{key"},
        {"title": "a\x07b"},
        {"abstract": ()},
        {"creators": ()},
        {"target": "gbif"},
        {"dataset_id": ""},
        {"country_code": "Spain"},
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(change):
    with pytest.raises(ValidationError):
        make_plan(**change)


@pytest.mark.parametrize(
    "change",
    [
        {"where": {"kind": "point", "lat_deg": 91, "lon_deg": 0, "source": "x"}},
        {"where": {"kind": "point", "lat_deg": 9, "source": "x"}},
        {"valid_from_at": "2025-01-01T00:00:00"},
    ],
)
def test_a_deployment_that_cannot_be_is_refused(change):
    with pytest.raises(ValidationError):
        make_deployment(**change)


def test_a_camera_is_linked_to_the_collection_of_instruments_and_no_other():
    with pytest.raises(ValidationError):
        Camera(instrument="ipc-608", name="A", uri="http://vocab.nerc.ac.uk/collection/L05/current/311/")


def test_a_party_is_cited_by_surname_and_initial_or_by_organisation():
    assert Party(given_name="Given", surname="Surname").name == "Surname G"
    assert Party(surname="Surname").name == "Surname"
    assert Party(organisation="Institute").name == "Institute"
    with pytest.raises(ValidationError):
        Party(email="data@example.org")


def test_the_examples_of_the_documentation_read():
    page = Path(__file__).resolve().parents[3] / "docs" / "darwin-core.md"
    plan, labels = re.findall(r"```toml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert read_plan(plan).dataset_id == "exobs"
    assert read_label_map(labels).to_index()["Chromis chromis (back)"].taxon is not None
