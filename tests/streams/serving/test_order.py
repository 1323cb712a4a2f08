"""What is served follows from the uses alone, in whatever order, repetition and partition they came."""

from __future__ import annotations

import datetime as dt

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.streams.serving.boards import Site, count, make_board, make_broker, publish, publish_board
from tests.streams.usage.uses import NOW, make_clip_use, make_not_done, make_person, make_use

USES = (
    *(make_use(n, requested_at=NOW - dt.timedelta(days=3 * n), who=make_person(str(n % 3))) for n in range(8)),
    *(
        make_clip_use("dive", 30, observer=digit * 64, requested_at=NOW - dt.timedelta(hours=n))
        for n, digit in ((1, "a"), (2, "b"))
    ),
    make_not_done("refused", "refused", "not_media"),
    make_use("other", installation="azores", country="FR"),
)

ADDRESSES = ("/metrics/obsea?limit=1000", "/metrics/azores?format=csv", "/metrics/periods")


def read_tags(site: Site) -> list[str]:
    return [site.get(address).headers["etag"] for address in ADDRESSES]


EXPECTED = read_tags(Site(publish_board(USES)))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.permutations(range(len(USES))),
    st.lists(st.integers(0, len(USES) - 1), max_size=5),
    st.integers(0, len(USES)),
    st.randoms(use_true_random=False),
)
def test_order_repetition_and_partitions_change_no_byte(order, repeated, cut, random):
    arrived = [USES[place] for place in (*order, *repeated)]
    values = list(count(arrived[:cut], arrived[cut:]))
    random.shuffle(values)
    client = make_broker()
    publish(client, values)
    publish(client, values[: len(values) // 2])
    assert read_tags(Site(make_board(client))) == EXPECTED


def test_another_use_changes_what_is_served():
    assert read_tags(Site(publish_board(USES[1:])))[0] != EXPECTED[0]
    assert read_tags(Site(publish_board((*USES, make_use("more")))))[0] != EXPECTED[0]
