"""A tally does not depend on how accesses arrived: order, repetition, partitions, offsets from UTC."""

from __future__ import annotations

import datetime as dt
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.usage.counting.access import read_accesses
from streams.usage.counting.profiles import PROFILES, make_profile
from streams.usage.counting.robots import Robots
from streams.usage.counting.tally import count
from streams.usage.periods import read_period

_START = dt.datetime(2025, 2, 28, 23, 58, tzinfo=dt.UTC)
_ROBOTS = Robots("00" * 32, "2025-01-01", ("bot", "curl"))
_AGENTS = ("Mozilla/5.0", "curl/8.5", "somebot", None)


def _make_line(number: int, chance: random.Random) -> dict[str, object]:
    """Return an access out of few enough possibilities that users, resources, moments and ids meet."""
    plain: dict[str, object] = {
        "event_id": f"e{chance.randrange(number + 1) if chance.random() < 0.1 else number}",
        "requested_at": _START + dt.timedelta(seconds=chance.randrange(0, 600, 10)),
        "installation": chance.choice(["obsea", "flowcam"]),
        "user": chance.choice(["u1", "u2"]),
        "resource": chance.choice(["doi:1", "doi:2"]),
        "action": chance.choice(["request", "request", "investigation"]),
        "status": chance.choice([200, 200, 200, 304, 404]),
        "purpose": chance.choice(["user", "user", "user", "staff"]),
        "country": chance.choice(["ES", "ZZ"]),
        "bytes": chance.randrange(3),
    }
    agent = chance.choice(_AGENTS)
    return plain if agent is None else plain | {"agent": agent}


def _arrive(lines: list[dict[str, object]], chance: random.Random) -> list[str]:
    """Return the lines as several logs may hold them: split, shuffled, some twice, in other zones, keys in any order."""
    told = lines + (chance.choices(lines, k=len(lines) // 3 + 1) if lines else [])
    partitions: list[list[str]] = [[] for _ in range(chance.randint(1, 5))]
    for line in told:
        zone = dt.timezone(dt.timedelta(minutes=chance.randrange(-720, 840, 15)))
        moment = line["requested_at"]
        assert isinstance(moment, dt.datetime)
        plain = line | {"requested_at": moment.astimezone(zone).isoformat()}
        text = json.dumps({key: plain[key] for key in chance.sample(sorted(plain), len(plain))})
        partitions[chance.randrange(len(partitions))].append(text)
    for partition in partitions:
        chance.shuffle(partition)
    return [text for partition in chance.sample(partitions, len(partitions)) for text in partition]


@pytest.mark.parametrize("name", PROFILES)
@settings(max_examples=40, deadline=None)
@given(size=st.integers(0, 40), seed=st.integers(0, 2**32), other=st.integers(0, 2**32))
def test_equal_accesses_give_equal_bytes_however_they_arrive(name, size, seed, other):
    profile, period = make_profile(name, _ROBOTS), read_period("2025-03")
    lines = [_make_line(number, random.Random(seed + number)) for number in range(size)]
    one, two = (read_accesses(_arrive(lines, random.Random(arrival)), "log") for arrival in (seed, other))
    assert count(one, profile, period).to_json() == count(two, profile, period).to_json()


def test_ten_thousand_accesses_count_the_same_in_any_order():
    profile, period = make_profile("counter-rd-1", _ROBOTS), read_period("2025-03")
    lines = [_make_line(number, random.Random(number)) for number in range(10_000)]
    told = [count(read_accesses(_arrive(lines, random.Random(seed)), "log"), profile, period) for seed in range(2)]
    assert told[0].to_json() == told[1].to_json()
    assert dict(told[0].removed)["double-click@1"] > 100


@settings(max_examples=40, deadline=None)
@given(size=st.integers(1, 40), seed=st.integers(0, 2**32))
def test_every_access_is_counted_or_removed_by_one_rule(size, seed):
    chance = random.Random(seed)
    accesses = read_accesses(_arrive([_make_line(number, chance) for number in range(size)], chance), "log")
    found = count(accesses, make_profile("counter-rd-1", _ROBOTS), read_period("2025"))
    ids = {access.event_id for access in accesses}
    assert sum(row["total_investigations"] for _, row in found.rows) + sum(n for _, n in found.removed) == len(ids)
