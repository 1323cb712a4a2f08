"""The OpenAPI document says what is sent, and the page beside it says the same to a person."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator
from lxml import html

from schemas.errors import TransientFault
from tests.streams.serving.boards import Site, publish_board
from tests.streams.usage.uses import make_use

ASKED = {
    "/metrics/periods": ("", "?limit=0", "?cursor=%00", "?format=xml"),
    "/metrics/{installation}": ("", "?limit=many", "?period=1999", "?period=soon", "?metric=none"),
}


@pytest.fixture(scope="module")
def site() -> Site:
    return Site(publish_board((make_use(0), make_use(1, installation="azores"))))


@pytest.fixture(scope="module")
def document(site) -> dict:
    return json.loads(site.get("/openapi.json").body)


def check(document: dict, schema: dict, plain: object) -> None:
    Draft202012Validator(schema | {"components": document["components"]}).validate(plain)


def test_every_answer_is_as_the_document_says(site, document):
    for path, queries in ASKED.items():
        told = document["paths"][path]["get"]["responses"]
        for query in queries:
            answer = site.get(path.format(installation="obsea") + query)
            content = told[str(answer.status)]["content"]
            check(document, content[answer.headers["content-type"]]["schema"], json.loads(answer.body))


def test_no_status_is_told_that_is_never_sent(document):
    told = {path: set(methods["get"]["responses"]) for path, methods in document["paths"].items()}
    assert told == {
        "/metrics/periods": {"200", "304", "400", "406", "503"},
        "/metrics/{installation}": {"200", "304", "400", "404", "406", "503"},
        "/metrics": {"200"},
        "/": {"200", "503"},
    }
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_the_page_tells_every_address_and_parameter_and_its_links_lead_to_answers(site, document):
    answer = site.get("/api")
    tree = html.fromstring(answer.text)
    told = {row.text_content() for row in tree.xpath("//h2/code | //tbody//th")}
    named = {one["name"] for methods in document["paths"].values() for one in methods["get"].get("parameters", ())}
    assert told >= set(document["paths"]) | named | {"detail", "reason"}
    assert tree.xpath("//script | //link | //img | //@src") == []
    links = tree.xpath("//@href")
    assert "metrics/azores" in links
    for link in links:
        assert site.get(f"/{link.removeprefix('./')}").status == 200, link


def test_the_page_is_there_while_the_broker_is_not():
    class Away:
        def look(self):
            raise TransientFault("The broker does not answer.")

    assert "/metrics/periods" in Site(Away()).get("/api").text


def test_all_parameters_that_cannot_be_read_are_told(site):
    detail = json.loads(site.get(f"/metrics/obsea?limit=many&period={'x' * 50}").body)["detail"]
    assert "limit: " in detail
    assert "period: " in detail
