"""The committed contract is what the models give, and what is written keeps it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from schemas.media import InlineBody, MediaArrived, MediaSettled, Rejection
from schemas.result import ResultStored
from schemas.topics import Topics
from schemas.unit import WorkOrder
from schemas.usage import MetricValue, UsageEvent
from schemas.wire import to_headers, to_value
from streams.serving.contracts.promises import list_promises
from streams.serving.contracts.writing import make_files, tell_retention, write_files
from tests.schemas.samples import NOUNS

COMMITTED = Path(__file__).resolve().parents[4] / "docs" / "contracts"

SCHEMAS = {
    UsageEvent: "usage.recorded.v1.schema.json",
    MetricValue: "metric.period.v1.schema.json",
    ResultStored: "result.stored.v1.schema.json",
    MediaSettled: "media.settled.v1.schema.json",
    WorkOrder: "work.v1.schema.json",
    Rejection: "rejection.schema.json",
}

WRITTEN = {name: noun for name, noun in NOUNS.items() if type(noun) in SCHEMAS}


def read_schema(name: str) -> dict:
    return json.loads(make_files()[name])


def check(name: str, plain: object) -> list[str]:
    return [error.message for error in Draft7Validator(read_schema(name)).iter_errors(plain)]


def test_the_committed_files_are_what_the_models_give():
    there = {path.name: path.read_bytes() for path in COMMITTED.iterdir()}
    assert there == make_files(), "run: .venv/bin/observatory contracts docs/contracts"


def test_writing_twice_changes_nothing_the_second_time(tmp_path):
    assert set(write_files(tmp_path)) == set(make_files())
    assert write_files(tmp_path) == ()


@pytest.mark.parametrize("name", [name for name in make_files() if name.endswith(".schema.json")])
def test_every_schema_is_one_of_draft_7(name):
    Draft7Validator.check_schema(read_schema(name))


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_written_keeps_its_schema(name):
    noun = WRITTEN[name]
    assert check(SCHEMAS[type(noun)], json.loads(noun.to_canonical())) == []


@pytest.mark.parametrize("name", WRITTEN)
def test_a_field_of_a_newer_writer_is_no_break(name):
    noun = WRITTEN[name]
    assert check(SCHEMAS[type(noun)], noun.to_plain() | {"added_later": 1}) == []


@pytest.mark.parametrize("name", WRITTEN)
def test_a_message_without_one_of_its_fields_is_a_break(name):
    noun = WRITTEN[name]
    schema = SCHEMAS[type(noun)]
    required = read_schema(schema)["required"]
    assert required
    for field in required:
        assert check(schema, {key: value for key, value in noun.to_plain().items() if key != field})


def test_a_latitude_out_of_bounds_is_a_break():
    plain = NOUNS["announcement"].to_plain()
    assert check("result.stored.v1.schema.json", plain) == []
    assert check("result.stored.v1.schema.json", plain | {"where": plain["where"] | {"lat_deg": 91}})


def test_a_figure_without_its_kind_is_a_break():
    plain = NOUNS["metric measured"].to_plain()
    assert check("metric.period.v1.schema.json", plain | {"value": {"value": 3}})


def test_a_list_of_references_keeps_the_schema_of_arrivals():
    value = json.loads(to_value(NOUNS["referenced arrival"], None))
    assert check("media.arrived.v1.schema.json", value) == []
    assert check("media.arrived.v1.schema.json", value | {"parts": []})
    assert check("media.arrived.v1.schema.json", {"closes_group": True})


def test_every_header_that_is_written_is_in_the_contract():
    arrivals = list_promises()[0]
    known = {header.name for header in arrivals.headers}
    for noun in NOUNS.values():
        if isinstance(noun, MediaArrived):
            assert {name for name, _ in to_headers(noun)} <= known
            required = {header.name for header in arrivals.headers if header.is_required}
            assert required <= {name for name, _ in to_headers(noun)}
            if isinstance(noun.body, InlineBody):
                assert {name for name, _ in to_headers(noun)} == known - {"ce_dataref"}


def test_every_topic_of_a_deployment_is_in_the_contract_as_it_is_kept():
    told = {promise.name: promise for promise in list_promises()}
    plan = Topics().plan(["obsea"], partitions=3, announced=True)
    assert {topic.name.replace("obsea.live", "{installation}.{lane}") for topic in plan} - {
        "work.obsea.archive.v1"
    } == set(told)
    document = json.loads(make_files()["asyncapi.json"])
    by_address = {channel["address"]: channel for channel in document["channels"].values()}
    for topic in plan:
        if topic.name in by_address:
            kept = by_address[topic.name]["bindings"]["kafka"]["topicConfiguration"]
            assert kept["cleanup.policy"] == [topic.cleanup]
            assert kept["retention.ms"] == (-1 if topic.retention_s is None else topic.retention_s * 1000)


def test_retention_is_told_in_words():
    told = {promise.name: tell_retention(promise) for promise in list_promises()}
    assert told["usage.recorded.v1"] == "Kept for ever."
    assert told["metric.period.v1"].startswith("Compacted")
    assert told["media.arrived.v1"] == "Deleted after 30 days; never compacted."


def iterate_references(node):
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for child in node.values():
            yield from iterate_references(child)
    elif isinstance(node, list):
        for child in node:
            yield from iterate_references(child)


def test_every_reference_of_the_asyncapi_document_leads_somewhere():
    files = make_files()
    document = json.loads(files["asyncapi.json"])
    assert document["asyncapi"] == "3.0.0"
    references = list(iterate_references(document))
    assert references
    for reference in references:
        if reference.startswith("./"):
            assert reference[2:] in files
            continue
        node = document
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
        assert node


#: Fields that AsyncAPI 3.0 knows, of the objects that are written; the official schema found nothing wrong with the document.
FIELDS = {
    "root": {"asyncapi", "id", "info", "servers", "defaultContentType", "channels", "operations", "components"},
    "info": {"title", "version", "description", "termsOfService", "contact", "license", "tags", "externalDocs"},
    "channel": {
        "address", "messages", "title", "summary", "description", "servers", "parameters", "tags", "externalDocs", "bindings",
    },
    "operation": {
        "action", "channel", "title", "summary", "description", "security", "tags", "externalDocs", "bindings", "traits",
        "messages", "reply",
    },
    "message": {
        "headers", "payload", "correlationId", "contentType", "name", "title", "summary", "description", "tags",
        "externalDocs", "bindings", "examples", "traits",
    },
    "parameter": {"enum", "default", "description", "examples", "location"},
}  # fmt: skip


def test_the_asyncapi_document_has_the_fields_of_its_version_only_and_its_parts_fit():
    document = json.loads(make_files()["asyncapi.json"])
    channels, messages = document["channels"], document["components"]["messages"]
    assert set(document) <= FIELDS["root"]
    assert {"title", "version"} <= set(document["info"]) <= FIELDS["info"]
    for name, channel in channels.items():
        assert {"address", "messages"} <= set(channel) <= FIELDS["channel"], name
        assert {part.strip("{}") for part in channel["address"].split(".") if part.startswith("{")} == set(
            channel.get("parameters", {})
        )
        assert all(set(parameter) <= FIELDS["parameter"] for parameter in channel.get("parameters", {}).values())
    for name, message in messages.items():
        assert set(message) <= FIELDS["message"], name
        assert set(message["bindings"]) == {"kafka"}
    for name, operation in document["operations"].items():
        assert set(operation) <= FIELDS["operation"], name
        assert operation["action"] in {"send", "receive"}
        own = operation["channel"]["$ref"]
        assert all(reference["$ref"].startswith(f"{own}/messages/") for reference in operation["messages"])
