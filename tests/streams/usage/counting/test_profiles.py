from __future__ import annotations

import json

import pytest

from schemas.errors import FatalFault
from streams.usage.counting.access import read_accesses
from streams.usage.counting.profiles import PROFILES, make_profile
from streams.usage.counting.robots import RESEARCH_TOOLS, Robots, load_robots

_FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"


def _write(folder, entries) -> Robots:
    path = folder / "robots.json"
    path.write_text(entries if isinstance(entries, str) else json.dumps(entries))
    return load_robots(path)


def test_the_list_of_counter_is_used_but_for_what_researchers_use(real_data):
    robots = load_robots(real_data / "counter_robots" / "COUNTER_Robots_list.json")
    kept = robots.without_tools()
    assert (len(robots.patterns), robots.version) == (327, "2024-04-22")
    assert {"python", "curl\\/", "Wget", "libcurl", "urllib"} <= set(kept.left_out)
    assert len(kept.patterns) + len(kept.left_out) == 327
    assert len(kept.left_out) < 20
    assert [agent for agent in RESEARCH_TOOLS if kept.knows(agent)] == []
    for agent in (
        "Googlebot/2.1 (+http://www.google.com/bot.html)",
        "GOOGLEBOT",
        "Mozilla/5.0 (compatible; bingbot/2.0)",
    ):
        assert kept.knows(agent)
    assert not kept.knows(_FIREFOX)
    assert all(robots.knows(agent) for agent in ("python-requests/2.32", "curl/8.5", "Wget/1.25", "Java/17.0"))


def test_a_profile_says_which_list_it_counts_by(tmp_path):
    one = make_profile("counter-rd-1", _write(tmp_path, [{"pattern": "bot"}, {"pattern": "curl"}])).to_plain()
    other = make_profile("counter-rd-1", _write(tmp_path, [{"pattern": "bot"}])).to_plain()
    assert one["robots"]["left_out"] == ["curl"]
    assert one["robots"]["patterns"] == other["robots"]["patterns"] == 1
    assert one["sha256"] != other["sha256"]
    assert [rule["name"] for rule in one["rules"]] == ["success@1", "user-purpose@1", "robots@1", "double-click@1"]


@pytest.mark.parametrize(
    "entries", ["", "{}", "[]", "[3]", '[{"pattern": "("}]', '[{"pattern": ""}]', [{"pattern": "b" * 501}]]
)
def test_what_is_no_list_of_robots_is_refused(tmp_path, entries):
    with pytest.raises(FatalFault, match=r"robots\.json"):
        _write(tmp_path, entries)


def test_a_profile_that_is_not_there_or_lacks_its_list_is_refused():
    with pytest.raises(FatalFault, match="counter-rd-1"):
        make_profile("counter-rd-2")
    for name in PROFILES:
        if name.startswith("counter"):
            with pytest.raises(FatalFault, match="list of robots"):
                make_profile(name)


def test_wrong_lines_of_a_log_are_all_named():
    good = '{"event_id": "1", "requested_at": "2025-03-10T10:00:00Z", "installation": "obsea", "user": "u", "resource": "r", "action": "request"}'  # noqa: E501
    with pytest.raises(FatalFault) as caught:
        read_accesses([good, "{", good.replace("Z", ""), "", good.replace("request", "look"), "[]"], "log")
    assert [line.split(":")[1] for line in caught.value.sentence.splitlines()] == ["2", "3", "5", "6"]
    with pytest.raises(FatalFault, match="and 10 more"):
        read_accesses(["{"] * 60, "log")
