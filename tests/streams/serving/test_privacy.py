"""Nothing that is about one person, picture or use leaves, whatever was recorded and whatever is asked."""

from __future__ import annotations

import datetime as dt

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.usage import Served
from tests.streams.serving.boards import Site, publish_board
from tests.streams.usage.uses import NOW, make_clip_use, make_not_done, make_owner, make_person, make_use, to_content

ADDRESSES = (
    "/",
    "/metrics",
    "/metrics/periods",
    "/metrics/periods?format=csv",
    "/metrics/obsea?limit=1000",
    "/metrics/obsea?format=csv",
    "/metrics/azores?limit=3",
    "/metrics/obsea?metric=unique_users",
    "/metrics/nowhere",
    "/metrics/obsea?cursor=x",
    "/openapi.json",
)


def make_event(number: int, kind: str, who, installation: str):
    changes = {"who": who, "installation": installation, "requested_at": NOW - dt.timedelta(minutes=number)}
    if kind == "clip":
        return make_clip_use(f"clip-{number}", 3, **changes)
    if kind == "refused":
        return make_not_done(f"refused-{number}", "refused", "not_media", **changes)
    if kind == "served":
        return make_use(f"served-{number}", act=Served(resource=f"results/secret-{number}.json"), **changes)
    return make_use(f"still-{number}", **changes)


people = st.builds(lambda number, tier: make_person(f"person-{number}", tier), st.integers(0, 6), st.integers(2, 4))
owners = st.builds(lambda number: make_owner(f"hidden-owner-{number}"), st.integers(0, 3))
kinds = st.sampled_from(["still", "clip", "refused", "served"])
descriptions = st.lists(
    st.tuples(kinds, st.one_of(people, owners), st.sampled_from(["obsea", "azores"])), min_size=1, max_size=12
)


def list_secrets(events) -> set[str]:
    """Return every text in the events that is about one person, picture or use."""
    secrets: set[str] = set()
    for event in events:
        secrets |= {event.event_id, event.to_digest(), *event.contents}
        secrets.add(getattr(event.who, "pseudonym", None) or event.who.owner)
        act = event.act
        secrets |= {
            getattr(act, name)
            for name in ("processing_id", "observer_sha256", "resource")
            if getattr(act, name, None) is not None
        }
    return secrets


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(descriptions)
def test_no_pseudonym_content_or_use_ever_leaves(described):
    events = [make_event(number, *how) for number, how in enumerate(described)]
    site = Site(publish_board(events))
    secrets = list_secrets(events)
    for address in ADDRESSES:
        for accept in ("*/*", "text/csv"):
            answer = site.get(address, accept=accept)
            said = (answer.text + " ".join(answer.headers.values())).lower()
            leaked = {secret for secret in secrets if secret.lower() in said or secret.lower()[:16] in said}
            assert leaked == set()


def test_the_search_finds_what_leaks():
    person = make_person("person-1")
    event = make_event(0, "still", person, "obsea")
    assert {person.pseudonym, event.event_id, to_content("still-0")} <= list_secrets([event])


def test_the_address_of_who_asks_is_in_no_answer_and_no_log(caplog, capfd):
    site = Site(publish_board([make_event(0, "still", make_person("person-1"), "obsea")]))
    answers = [site.get(address) for address in ADDRESSES]
    assert not any("192.0.2.7" in answer.text + str(answer.headers) for answer in answers)
    assert "192.0.2.7" not in caplog.text + "".join(capfd.readouterr())
