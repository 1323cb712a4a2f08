"""Test vectors: accesses as JSON lines, and beside them what they count as. Other programs may be held against them too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streams.usage.counting.access import read_accesses
from streams.usage.counting.profiles import make_profile
from streams.usage.counting.robots import load_robots
from streams.usage.counting.tally import count
from streams.usage.periods import read_period

_VECTORS = Path(__file__).parent / "vectors"


@pytest.mark.parametrize("path", sorted(_VECTORS.glob("*.jsonl")), ids=lambda path: path.stem)
def test_the_accesses_of_a_vector_count_as_it_says(path):
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    profile = make_profile(expected["profile"], load_robots(_VECTORS / "robots.json"))
    accesses = read_accesses(path.read_text(encoding="utf-8").splitlines(), path.name)
    found = count(accesses, profile, read_period(expected["period"])).to_plain()
    assert {item["rule"]: item["accesses"] for item in found["removed"]} == expected["removed"]
    assert found["rows"] == expected["rows"]
    assert found["conflicts"] == expected["conflicts"]


def test_every_vector_has_its_answer():
    lines, answers = ({path.stem for path in _VECTORS.glob(pattern)} for pattern in ("*.jsonl", "*.json"))
    assert answers - lines == {"robots"}
    assert len(lines) >= 15
