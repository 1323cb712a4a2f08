"""Whatever a report says, the rules read it: none fails, and the order in which it says things means nothing."""

from __future__ import annotations

import datetime as dt
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.usage.audit.auditing import audit
from streams.usage.audit.document import FORMAT, Document
from streams.usage.audit.reading import to_document

_CELLS = st.sampled_from(
    [
        "",
        "0",
        "1",
        "7",
        "70",
        "1.3 M",
        "~300 / y",
        "over 5",
        "up to 9",
        "3-9",
        "N/A",
        "none",
        "Italy",
        "Italy, Spain etc",
        "1 (Italy)",
        "?",
    ]
)
_PERIODS = st.sampled_from(["M13-24", "M25-36", "TOTAL", "baseline", "2011", "nonsense"])
_NAMES = st.sampled_from(["litter", "obsea"])
_METRICS = st.sampled_from(["users", "images", "names"])
_UNITS = st.sampled_from(["person", "image", "tile"])
_DAYS = st.dates(min_value=dt.date(2022, 1, 1), max_value=dt.date(2026, 1, 1))


def _or_less(required: dict, optional: dict) -> st.SearchStrategy[dict]:
    return st.fixed_dictionaries(required, optional=optional)


_ROWS = _or_less(
    {
        "installation": _NAMES, "metric": _METRICS, "label": st.sampled_from(["Users", "Names of users", ""]), "unit": _UNITS,
        "kind": st.sampled_from(["count", "unique", "names"]), "cells": st.dictionaries(_PERIODS, _CELLS, max_size=3),
    },
    {
        "per": st.just("year"), "names_of": _METRICS, "stage": st.sampled_from(["in", "done"]), "definition": st.just("x"),
        "methods": st.lists(st.sampled_from(["login", "guess"]), max_size=2), "baseline": _CELLS, "total": _CELLS,
        "arithmetic": st.just({"factors": [3.0, 4.0], "per": "week"}), "united": st.booleans(), "break_note": st.just("so"),
    },
)  # fmt: skip
_CLAIMS = _or_less(
    {"installation": _NAMES, "metric": _METRICS, "role": st.sampled_from(["whole", "part", "evidence"])},
    {
        "value": _CELLS, "names": st.lists(st.sampled_from(["Italy", "Spain"]), max_size=2), "unit": _UNITS, "period": _PERIODS,
        "breakdown": st.just("b"), "source": st.sampled_from(["login", "git"]), "first_day": _DAYS, "last_day": _DAYS,
        "window_days": st.integers(1, 400), "stock": st.booleans(), "trend": st.sampled_from(["up", "down"]), "against": _PERIODS,
        "persons": st.lists(st.sampled_from(["p1", "p2"]), max_size=2),
    },
)  # fmt: skip
_STATEMENTS = _or_less(
    {
        "subject": _NAMES,
        "attribute": st.sampled_from(["operational_since", "street"]),
        "values": st.sampled_from(["2024", "2024-07", "0", "soon", ["a", "b"]]),
    },
    {
        "kind": st.sampled_from(["text", "date", "list"]),
        "at": st.just("M24"),
        "block": st.booleans(),
        "reason": st.just("so"),
    },
)
_MENTIONS = st.fixed_dictionaries({"text": st.sampled_from(["Zeno", "zeno", "Nephrop", "Nephrops"])})
_DOCUMENTS = st.fixed_dictionaries(
    {
        "edition": st.integers(1, 3),
        "row": st.lists(_ROWS, max_size=5),
        "claim": st.lists(_CLAIMS, max_size=5),
        "statement": st.lists(_STATEMENTS, max_size=4),
        "mention": st.lists(
            st.fixed_dictionaries({"text": st.sampled_from(["Zeno", "zeno", "Nephrop", "Nephrops"])}), max_size=3
        ),
        "grouping": st.lists(st.just({"group": "EU", "members": ["Italy", "Norway"]}), max_size=1),
    },
    optional={"project_starts": st.just("2022-09"), "issued": _DAYS},
)


def _to_document(place: int, plain: dict) -> Document:
    return to_document({"format": FORMAT, "name": f"report-{place}"} | plain, "any.toml")


@settings(max_examples=100, deadline=None)
@given(plains=st.lists(_DOCUMENTS, max_size=3))
def test_any_reports_can_be_audited_and_every_finding_says_where_and_what(plains):
    documents = [_to_document(place, plain) for place, plain in enumerate(plains)]
    for finding in audit(documents):
        assert finding.document in {document.name for document in documents}
        assert finding.sentence.strip()


@settings(max_examples=80, deadline=None)
@given(plain=_DOCUMENTS, seed=st.integers(0, 2**32))
def test_the_same_rules_speak_in_whatever_order_a_report_says_things(plain, seed):
    chance = random.Random(seed)
    shuffled = plain | {key: chance.sample(plain[key], len(plain[key])) for key in ("claim", "statement", "mention")}
    one, other = (audit([_to_document(0, version)]) for version in (plain, shuffled))
    assert {finding.rule for finding in one} == {finding.rule for finding in other}
