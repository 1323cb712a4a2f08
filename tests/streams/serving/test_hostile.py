"""Whatever is asked, the answer is figures or a problem, never a mistake of ours."""

from __future__ import annotations

import json
from urllib.parse import quote, urlencode

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.streams.serving.boards import Site, publish_board
from tests.streams.usage.uses import make_use

SITE = Site(publish_board((make_use(0), make_use(1, installation="azores"))))

texts = st.text(max_size=60)
paths = st.one_of(
    st.sampled_from(["/", "/metrics", "/metrics/periods", "/metrics/obsea", "/metrics/", "/openapi.json", "//"]),
    st.builds(lambda text: f"/metrics/{quote(text, safe='')}", texts),
    st.builds(lambda text: f"/{quote(text)}", texts),
)
names = st.one_of(st.sampled_from(["period", "metric", "format", "limit", "cursor"]), texts)
values = st.one_of(st.sampled_from(["2026", "M1", "csv", "1", "-1", "1e9", "..", "2026-13", "0000", "9999"]), texts)
queries = st.lists(st.tuples(names, values), max_size=4)
headers = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80)


@settings(max_examples=300, deadline=None)
@given(paths, queries, headers, headers)
@example("/metrics/obsea", [("cursor", "W10")], "text/csv;q=2", '"')
@example("/metrics/obsea", [("period", "0001-01-01..9999-12-31")], ";;;,,,q=", "W/")
@example("/metrics/obsea", [("period", "M999999999999-999999999999999")], "*/*;q=0", "*")
def test_any_request_ends_in_figures_or_in_a_problem(path, query, accept, tag):
    answer = SITE.get(f"{path}?{urlencode(query)}", accept=accept, if_none_match=tag)
    assert answer.status in {200, 304, 400, 404, 406}
    if answer.status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert set(json.loads(answer.body)) == {"type", "title", "status", "detail", "reason"}
        assert len(answer.body) < 2_000


@pytest.mark.parametrize("query", ["%ff", "period=%ff%fe", "period=%00", "&&&=", "limit=" + "9" * 5_000])
def test_bytes_that_are_no_text_are_no_mistake_of_ours(query):
    assert SITE.get(f"/metrics/obsea?{query}").status in {200, 400, 404}
