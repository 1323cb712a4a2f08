from __future__ import annotations

import csv
import io
import json

import pytest
from lxml import html

from schemas.errors import FatalFault, TransientFault
from streams.serving.api import Offer, make_api, open_port
from tests.streams.serving.boards import Site, count, make_board, make_broker, publish, publish_board
from tests.streams.usage.uses import make_clip_use, make_person, make_use

USES = (make_use(0), make_clip_use("dive", 30, who=make_person("ada")), make_use(1, installation="azores"))


@pytest.fixture(scope="module")
def site() -> Site:
    return Site(publish_board(USES))


def walk(site: Site, address: str, field: str, cursor: str | None = None) -> list[dict]:
    """Return the entries of all pages from a cursor on, following ``next``."""
    found, joint = [], "&" if "?" in address else "?"
    while True:
        page = json.loads(site.get(f"{address}{joint}cursor={cursor}" if cursor else address).body)
        found += page[field]
        cursor = page.get("next")
        if cursor is None:
            return found


def read_problem(answer, status: int) -> dict:
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    plain = json.loads(answer.body)
    assert (plain["status"], plain["type"]) == (status, "about:blank")
    assert plain["title"]
    assert plain["detail"].endswith(".")
    return plain


def test_periods_are_listed_with_the_installations_that_have_figures(site):
    plain = json.loads(site.get("/metrics/periods").body)
    assert [(one["name"], one["installations"]) for one in plain["periods"]] == [
        ("2026", ["azores", "obsea"]),
        ("2026-11", ["azores", "obsea"]),
    ]
    assert "next" not in plain


def test_an_installation_has_its_figures_and_no_others(site):
    figures = json.loads(site.get("/metrics/obsea?period=2026-11").body)["figures"]
    values = {figure["metric"]: figure.get("value") for figure in figures}
    assert (values["images_processed"], values["unique_users"]) == (31, 1)
    assert {(figure["installation"], figure["period"]) for figure in figures} == {("obsea", "2026-11")}


def test_one_figure_can_be_asked_for(site):
    (figure,) = json.loads(site.get("/metrics/obsea?period=2026&metric=countries").body)["figures"]
    assert figure["names"] == ["Spain"]


@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
def test_pages_put_together_are_all_figures_once(site, limit):
    whole = json.loads(site.get("/metrics/obsea?limit=1000").body)["figures"]
    assert walk(site, f"/metrics/obsea?limit={limit}", "figures") == whole
    assert len(whole) > 40
    assert walk(site, f"/metrics/periods?limit={limit}", "periods") == walk(site, "/metrics/periods", "periods")


def test_a_page_that_was_read_stays_read_when_figures_are_added():
    client = make_broker()
    values = count(USES)
    publish(client, values[::2])
    site = Site(make_board(client))
    first = json.loads(site.get("/metrics/obsea?limit=5").body)
    publish(client, values)
    rest = walk(site, "/metrics/obsea?limit=5", "figures", first["next"])
    whole = json.loads(site.get("/metrics/obsea?limit=1000").body)["figures"]
    last = (first["figures"][-1]["from_at"], first["figures"][-1]["to_at"], first["figures"][-1]["metric"])
    assert rest == [figure for figure in whole if (figure["from_at"], figure["to_at"], figure["metric"]) > last]


def test_the_next_page_is_linked_in_a_header_too(site):
    answer = site.get("/metrics/obsea?limit=2&format=csv")
    address = answer.headers["link"].partition(">")[0].removeprefix("<")
    assert address.startswith("/metrics/obsea?")
    assert site.get(address).body != answer.body
    assert site.get(address).status == 200


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("text/csv", "text/csv; charset=utf-8"),
        ("text/*", "text/csv; charset=utf-8"),
        ("application/json;q=0.1, text/csv;q=0.9", "text/csv; charset=utf-8"),
        ("text/html, */*;q=0.1", "application/json"),
        ("text/csv;q=0, */*", "application/json"),
    ],
)
def test_the_form_is_the_one_that_is_preferred(site, accept, media_type):
    answer = site.get("/metrics/obsea", **({"accept": accept} if accept else {}))
    assert answer.headers["content-type"] == media_type
    assert answer.headers["vary"] == "Accept"


def test_format_goes_before_accept(site):
    answer = site.get("/metrics/obsea?format=csv", accept="application/json")
    assert answer.headers["content-type"].startswith("text/csv")


def test_csv_and_json_say_the_same(site):
    rows = list(csv.DictReader(io.StringIO(site.get("/metrics/obsea?format=csv").text)))
    figures = json.loads(site.get("/metrics/obsea").body)["figures"]
    assert len(rows) == len(figures)
    for row, figure in zip(rows, figures, strict=True):
        assert {name for name, text in row.items() if text} == {
            name for name, value in figure.items() if value not in ([], "")
        }
        assert row["value"] == str(figure.get("value", ""))
        assert row["names"] == "; ".join(figure.get("names", []))


def test_who_has_it_already_is_told_so(site):
    answer = site.get("/metrics/obsea")
    tag = answer.headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = site.get("/metrics/obsea", if_none_match=known)
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    assert site.get("/metrics/obsea", if_none_match='"other"').status == 200


def test_another_form_page_or_question_has_another_tag(site):
    asked = ("", "?format=csv", "?limit=3", "?period=2026", "?metric=requests")
    assert len({site.get(f"/metrics/obsea{query}").headers["etag"] for query in asked}) == len(asked)


def test_the_tag_changes_with_the_figures_and_only_with_them():
    client = make_broker()
    publish(client, count(USES[:1]))
    site = Site(make_board(client))
    before = site.get("/metrics/obsea").headers["etag"]
    publish(client, count(USES[:1]))
    assert site.get("/metrics/obsea").headers["etag"] == before
    publish(client, count(USES))
    assert site.get("/metrics/obsea").headers["etag"] != before


@pytest.mark.parametrize(
    ("address", "status", "reason"),
    [
        ("/metrics/nowhere", 404, "unknown_installation"),
        ("/metrics/obsea?period=1999", 404, "unknown_period"),
        ("/metrics/obsea?period=M13-24", 400, "bad_period"),
        ("/metrics/obsea?period=soon", 400, "bad_period"),
        ("/metrics/obsea?metric=uses_by_owner", 404, "unknown_metric"),
        ("/metrics/obsea?format=xml", 400, "unknown_format"),
        ("/metrics/obsea?limit=0", 400, "bad_parameter"),
        ("/metrics/obsea?limit=1001", 400, "bad_parameter"),
        ("/metrics/obsea?limit=many", 400, "bad_parameter"),
        ("/metrics/obsea?perod=2026", 400, "unknown_parameter"),
        ("/metrics/obsea?period=2026&period=2025", 400, "unknown_parameter"),
        ("/metrics/periods?period=2026", 400, "unknown_parameter"),
        ("/metrics/obsea?cursor=%00", 400, "bad_cursor"),
        ("/metrics/obsea?cursor=bm90IGpzb24", 400, "bad_cursor"),
        ("/metrics/obsea?cursor=W10", 400, "bad_cursor"),
        ("/metrics/obsea/more", 404, "not_found"),
        ("/nothing", 404, "not_found"),
        ("/metrics/" + "x" * 5000, 404, "unknown_installation"),
    ],
)
def test_what_cannot_be_served_is_told_as_a_problem(site, address, status, reason):
    assert read_problem(site.get(address), status)["reason"] == reason


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize("address", ["/nothing", "/metrics/nowhere", "/metrics/obsea?limit=0"])
def test_a_person_at_a_browser_reads_a_problem_as_a_page(site, address):
    plain = read_problem(site.get(address), site.get(address).status)
    answer = site.get(address, accept=BROWSER)
    assert (answer.status, answer.headers["content-type"]) == (plain["status"], "text/html; charset=utf-8")
    assert plain["detail"] in html.fromstring(answer.text).text_content()
    assert "script" not in answer.text
    assert site.get("/metrics/obsea", accept=BROWSER).headers["content-type"] == "application/json"


def test_what_was_asked_is_escaped_in_the_page_of_a_problem(site):
    text = site.get("/metrics/obsea?%3Cscript%3E=1", accept=BROWSER).text
    assert "&lt;script&gt;" in text
    assert "<script>" not in text


def test_a_cursor_of_another_question_is_refused(site):
    cursor = json.loads(site.get("/metrics/obsea?limit=1").body)["next"]
    assert site.get(f"/metrics/obsea?limit=9&cursor={cursor}").status == 200
    assert read_problem(site.get(f"/metrics/azores?cursor={cursor}"), 400)["reason"] == "bad_cursor"


def test_nothing_acceptable_is_a_problem(site):
    assert read_problem(site.get("/metrics/obsea", accept="image/png"), 406)["reason"] == "not_acceptable"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("address", ["/metrics", "/metrics/periods", "/metrics/obsea", "/"])
def test_nothing_can_be_changed(site, method, address):
    assert read_problem(site.get(address, method=method), 405)["reason"] == "method_not_allowed"


@pytest.mark.parametrize("address", ["/metrics", "/metrics/periods", "/metrics/obsea", "/"])
def test_the_head_of_an_answer_can_be_asked_for(site, address):
    head, whole = site.get(address, method="HEAD"), site.get(address)
    assert head.status == 200
    assert head.headers.get("etag") == whole.headers.get("etag")


class Faulty:
    def __init__(self, fault):
        self.fault = fault

    def look(self):
        raise self.fault


@pytest.mark.parametrize("address", ["/metrics/periods", "/metrics/obsea", "/"])
def test_an_outage_is_a_503_that_says_when_to_ask_again(address):
    answer = Site(Faulty(TransientFault("The broker does not answer."))).get(address)
    plain = read_problem(answer, 503)
    assert (plain["reason"], plain["detail"]) == ("outage", "The broker does not answer.")
    assert int(answer.headers["retry-after"]) > 0


def test_wrong_settings_are_not_told_to_who_asks():
    answer = Site(Faulty(FatalFault("The file /secret/place is gone."))).get("/metrics/obsea")
    assert "secret" not in answer.text
    assert read_problem(answer, 500)["reason"] == "set_up_wrongly"


def test_openapi_tells_what_there_is(site):
    plain = json.loads(site.get("/openapi.json").body)
    assert set(plain["paths"]) == {"/metrics/periods", "/metrics/{installation}", "/metrics", "/"}
    assert {name for path in plain["paths"].values() for name in path} == {"get"}
    assert {"FigurePage", "PeriodPage"} <= set(plain["components"]["schemas"])
    assert site.get("/docs").status == 404


def test_further_pages_are_served_and_linked():
    board = publish_board(USES)
    site = Site(board)
    site._api = make_api(Offer(board.look, {"assessment": ("Assessment", lambda: "<!doctype html><p>Here.</p>")}))
    assert "Here." in site.get("/assessment").text
    assert 'href="assessment"' in site.get("/").text


def test_a_port_that_is_taken_is_said_in_one_sentence():
    with open_port("127.0.0.1", 0) as taken, pytest.raises(FatalFault, match="Nothing can be served at 127"):
        open_port("127.0.0.1", taken.getsockname()[1])
