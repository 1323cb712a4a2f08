"""What one command announces, and what became of it by the topics' word alone."""

from __future__ import annotations

import pytest

from schemas.errors import RejectedInput, TransientFault
from schemas.media import InWork, MediaSettled, SetAside, Stored
from schemas.wire import from_record, read_rejection
from sinks.object_store.memory import MemoryStore
from streams import submission as submission_module
from streams.account.ledger import to_arrival_key
from streams.brokers.memory_client import MemoryClient
from streams.feeds.announce import Claimed, Sender
from streams.feeds.references import to_original_key
from streams.submission import OUTSTANDING_LIMIT, Medium, Submission
from streams.units.routing import to_settled_record
from tests.streams.units.places import TOPICS


@pytest.fixture
def client():
    made = MemoryClient()
    made.create(TOPICS.plan(["fish"], partitions=2))
    return made


@pytest.fixture
def submission(client):
    made = Submission(client, TOPICS, MemoryStore(), Sender("cam", inline_limit=1_000))
    made.begin()
    return made


def write(folder, count, size_bytes=10):
    for number in range(count):
        path = folder / f"{number}.jpg"
        path.write_bytes(b"%d" % number * size_bytes)
        yield Medium(path, Claimed(path.name))


STORED = Stored(unit_ids=("u",))


def end_all(client, end=STORED):
    """Say that everything that arrived ended so."""
    for record in client.read(TOPICS.media_arrived):
        key = to_arrival_key(record)
        client.append([to_settled_record(TOPICS, MediaSettled(source=key.source, event=key.event, end=end))])


def test_each_file_is_announced_once_under_its_name(client, submission, tmp_path):
    submission.submit(write(tmp_path, 40), keep_pace=False)
    arrived = [from_record(record.headers, record.value) for record in client.read(TOPICS.media_arrived)]
    assert sorted(media.subject for media in arrived) == sorted(f"{number}.jpg" for number in range(40))
    assert len(submission.arrived) == 40


def test_a_large_file_goes_to_the_store_and_is_announced_by_reference(client, submission, tmp_path):
    submission.submit(write(tmp_path, 1, size_bytes=5_000))
    (record,) = client.read(TOPICS.media_arrived)
    media = from_record(record.headers, record.value)
    assert submission.store.read(to_original_key(media.sha256)) == (tmp_path / "0.jpg").read_bytes()
    assert len(record.value) < 1_000


def test_a_file_that_cannot_be_announced_is_submitted_and_set_aside_and_the_next_one_is_served(
    client, submission, tmp_path
):
    media = list(write(tmp_path, 3))
    (tmp_path / "1.jpg").write_bytes(b"")
    submission.submit(media, keep_pace=False)
    end_all(client)
    submission.wait()
    total = submission.to_ledger().total
    assert (total.submitted, total.stored, total.rejected) == (3, 2, 1)
    (letter,) = client.read(TOPICS.media_rejected)
    assert read_rejection(letter.headers).reason == "empty_file"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("../a.jpg", "unnamed"),
        ("a\nb.jpg", "a_b.jpg"),
        ("C:\\a.jpg", "C__a.jpg"),
        ("", "unnamed"),
        ("x" * 600, "x" * 512),
        ("half \ud800 a character", "half _ud800 a character"),
    ],
)
def test_a_name_that_no_envelope_takes_is_set_aside_under_one_like_it(client, submission, name, told):
    client.append(submission.refuse(name, RejectedInput("missing_file", "It is not there.")))
    submission.wait()
    assert submission.to_ledger().reasons == {"missing_file": 1}
    (letter,) = client.read(TOPICS.media_rejected)
    assert dict(letter.headers)["ce_subject"].decode() == told


def test_two_files_set_aside_for_one_reason_are_two(client, submission):
    for name in ("a.jpg", "b.jpg"):
        client.append(submission.refuse(name, RejectedInput("missing_file", "It is not there.")))
    submission.wait()
    assert submission.to_ledger().total.rejected == 2


def test_waiting_ends_when_each_arrival_ended_and_not_when_it_is_in_work(client, submission, tmp_path):
    submission.submit(write(tmp_path, 5), keep_pace=False)
    end_all(client, InWork(unit_id="u"))
    looks = []

    def look():
        looks.append(1)
        if len(looks) == 3:
            end_all(client)

    submission.look = look
    submission.wait()
    assert submission.to_ledger().total.stored == 5
    assert len(looks) >= 3


def test_whoever_looks_may_end_the_waiting(submission, tmp_path):
    def look():
        raise TransientFault(sentence="The worker died.")

    submission.submit(write(tmp_path, 1), keep_pace=False)
    submission.look = look
    with pytest.raises(TransientFault, match="The worker died"):
        submission.wait()


def test_ends_of_before_and_of_others_are_none_of_ours(client, submission, tmp_path):
    submission.submit(write(tmp_path, 1), keep_pace=False)
    end_all(client, SetAside(rejection_id="r", reason="bad_time"))
    others = MediaSettled(source="/feeds/cam", event="of another", end=Stored(unit_ids=("u",)))
    client.append([to_settled_record(TOPICS, others)])
    again = Submission(client, TOPICS, MemoryStore(), Sender("cam"))
    again.begin()
    again.submit(write(tmp_path, 1), keep_pace=False)
    again.take_ends()
    assert again.ends == {}
    end_all(client)
    again.wait()
    assert again.to_ledger().total.stored == 1


def test_no_more_is_on_its_way_at_once_than_a_disk_bears(client, submission, tmp_path, monkeypatch):
    monkeypatch.setattr(submission_module, "_LOOK_EVERY_S", 0.001)
    most = []

    def look():
        most.append(len(submission.arrived) - len(submission.ends))
        end_all(client)

    submission.look = look
    submission.submit(write(tmp_path, OUTSTANDING_LIMIT + 100))
    assert OUTSTANDING_LIMIT < max(most) <= OUTSTANDING_LIMIT + 16
