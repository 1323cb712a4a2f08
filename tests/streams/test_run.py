"""`observatory run`: from files to stored findings, as a person at the command line meets it."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import signal
import subprocess
import sys
from collections import Counter

from PIL import Image

from schemas.topics import Topics
from schemas.wire import SPEC_VERSION
from streams.brokers.records import Record
from streams.places import find_objects, open_broker, plan_topics
from streams.settings.read import read_settings
from streams.usage.reports.facts import open_facts
from tests.support.deployments import (
    PATIENCE_S,
    ROOT,
    Site,
    ask,
    make_picture,
    name_minute,
    run_observatory,
    wait_for,
    write_pictures,
)
from tests.support.media import make_clip

STATES = ("stored", "duplicates", "rejected", "skipped", "in_flight")


def look(site, *paths, **options):
    """Run over paths and return what was said."""
    return ask("run", *paths, "--settings", site.settings, "--no-page", **options)


def check_sum(told):
    assert told["submitted"] == sum(told[state] for state in STATES)
    return told


def list_letters(site):
    return ask("dead-letters", "list", "--settings", site.settings)["dead_letters"]


def count_images(site):
    """Return the images that the report counts for the test's installation, this year."""
    report = run_observatory("report", "--settings", site.settings, "--format", "json").stdout
    return sorted(_find_counts(json.loads(report)))


def _find_counts(plain):
    """Yield every figure of images in a report; what each run says of when it was there is left out."""
    if isinstance(plain, dict):
        if "images" in str(plain.get("metric", plain.get("name", ""))).lower():
            yield json.dumps(
                {name: plain[name] for name in plain.keys() - {"gaps", "coverage", "as_of"}}, sort_keys=True
            )
        for value in plain.values():
            yield from _find_counts(value)
    elif isinstance(plain, list):
        for value in plain:
            yield from _find_counts(value)


def test_a_first_result_on_ones_own_pictures_needs_no_settings(tmp_path):
    write_pictures(tmp_path / "mine", 3)
    told = check_sum(ask("run", tmp_path / "mine", "--out", tmp_path / "out"))
    assert (told["exit"], told["stored"], told["images"]) == (0, 3, 3), told["stderr"]
    assert (tmp_path / "out" / "summary" / "index.html").is_file()
    assert len([*(tmp_path / "out" / "store" / "results").rglob("result.json")]) == 3


def test_the_same_folder_twice_gives_the_same_bytes_and_no_second_use(tmp_path):
    site = Site(tmp_path)
    write_pictures(tmp_path / "in", 6)
    first = check_sum(look(site, tmp_path / "in"))
    documents, report = site.read_documents(), count_images(site)
    assert (first["exit"], first["stored"], first["images"], first["findings"]) == (0, 6, 6, 3)
    assert len(documents) == 6
    assert report
    second = check_sum(look(site, tmp_path / "in"))
    assert {name: second[name] for name in STATES} == {name: first[name] for name in STATES}
    assert site.read_documents() == documents
    assert count_images(site) == report
    assert ask("ledger", "--settings", site.settings)["submitted"] == 6


def test_a_report_asked_for_right_after_a_run_counts_all_of_it(tmp_path):
    site = Site(tmp_path, worker={"commit_every_s": 30.0})
    write_pictures(tmp_path / "in", 20)
    look(site, tmp_path / "in")
    told = run_observatory("report", "--settings", site.settings, "--format", "md").stdout
    assert "| Images processed | 20 |" in told
    # it opened the door at its beginning and closed it at its end, both counted
    with open_facts(find_objects(read_settings(site.settings).deployment)) as facts:
        beats = facts.database.run("SELECT last, count(*) FROM event WHERE act = 'heartbeat' GROUP BY ALL ORDER BY ALL")
        doors = facts.database.run("SELECT door, last FROM beat")
    assert beats == [(False, 1), (True, 1)]
    assert doors == [("feed", True)]


def test_what_waits_in_the_log_of_a_machine_is_told_by_its_report(tmp_path):
    site = Site(tmp_path)
    write_pictures(tmp_path / "in", 1)
    look(site, tmp_path / "in")
    write_pictures(tmp_path / "more", 3)
    assert ask("push", tmp_path / "more", "--settings", site.settings)["exit"] == 0
    told = run_observatory("report", "--settings", site.settings, "--format", "md").stdout
    assert "- Partial: 3 arrivals and units wait for a worker, and are in no figure yet." in told


def test_one_picture_under_two_names_is_a_duplicate_and_a_frozen_camera_is_none(tmp_path):
    site, folder = Site(tmp_path), tmp_path / "in"
    folder.mkdir()
    frozen = make_picture(1)
    for number in range(4):
        (folder / f"{name_minute(number)}-CAM.jpg").write_bytes(frozen)
    (folder / "copies").mkdir()
    shutil.copy(folder / f"{name_minute(2)}-CAM.jpg", folder / "copies" / f"{name_minute(2)}-again.jpg")
    told = check_sum(look(site, folder))
    assert (told["exit"], told["stored"], told["duplicates"]) == (0, 4, 1)
    assert len(site.read_documents()) == 4


def test_each_bad_input_is_set_aside_with_its_reason_and_the_next_one_is_served(tmp_path):
    site, folder = Site(tmp_path), tmp_path / "in"
    write_pictures(folder, 4)
    bad = {
        "20240422-100000-text.jpg": b"this is no picture",
        "20240422-100100-empty.jpg": b"",
        "20240422-100200-cut.jpg": make_picture(5)[:900],
        "20241340-100000-month.jpg": make_picture(6),
        "20240422-100300-cut.mp4": make_clip(8)[:700],
        "a:b.jpg": make_picture(7),
    }
    for name, data in bad.items():
        (folder / name).write_bytes(data)
    told = check_sum(look(site, folder))
    assert (told["exit"], told["stored"], told["rejected"]) == (1, 4, 6), told
    letters = {letter["subject"]: letter for letter in list_letters(site)}
    assert letters["20240422-100000-text.jpg"]["reason"] == "not_media"
    assert letters["20240422-100100-empty.jpg"]["reason"] == "empty_file"
    assert letters["20241340-100000-month.jpg"]["reason"] == "bad_time"
    assert letters["a_b.jpg"]["reason"] == "bad_subject"
    assert len(letters) == 6
    assert sum(told["reasons"].values()) == 6
    assert str(tmp_path) not in "".join(letter["sentence"] for letter in letters.values())


def test_pictures_of_every_kind_a_camera_or_a_person_makes_are_looked_at(tmp_path):
    site, folder = Site(tmp_path), tmp_path / "in"
    folder.mkdir()
    for number, (mode, form) in enumerate(
        [("L", "PNG"), ("P", "GIF"), ("CMYK", "JPEG"), ("I;16", "PNG"), ("1", "PNG")]
    ):
        file = io.BytesIO()
        Image.new(mode, (32, 24)).save(file, form)
        (folder / f"{name_minute(number)}-{form}").write_bytes(file.getvalue())
    (folder / f"{name_minute(9)}-clip.bin").write_bytes(make_clip(5))
    told = check_sum(look(site, folder))
    assert (told["exit"], told["stored"], told["images"]) == (0, 6, 10), told


def test_a_file_above_the_inline_limit_travels_by_reference_and_gives_the_same_document(tmp_path):
    documents = []
    for name, limit in (("inline", 900_000), ("reference", 100)):
        site = Site(tmp_path / name)
        site.settings.write_text(
            f"inline_limit = {limit}\n" + site.settings.read_text(encoding="utf-8"), encoding="utf-8"
        )
        write_pictures(site.folder / "in", 2)
        told = ask("run", site.folder / "in", "--settings", site.folder / "observatory.toml", "--no-page")
        assert (told["exit"], told["stored"]) == (0, 2), told["stderr"]
        documents.append(site.read_documents())
        with contextlib.closing(open_broker(read_settings(site.folder / "observatory.toml").deployment)) as client:
            values = [record.value for record in client.read("media.arrived.v1")]
        assert all((value[:3] == b"\xff\xd8\xff") == (limit > 100) for value in values)
    assert documents[0] == documents[1]


def test_every_wrong_setting_is_named_at_once_and_nothing_is_done(tmp_path):
    site = Site(tmp_path, changes="[broker2]\n[feeds.second]\ninstallation = 'brigth'\nowner = 'X Y'\n")
    write_pictures(tmp_path / "in", 1)
    ran = look(site, tmp_path / "in")
    assert ran["exit"] == 2
    for told in ("broker2", "did you mean broker?", "feeds.second.owner"):
        assert told in ran["error"], ran["error"]
    assert not (tmp_path / "data").exists()


def test_a_slip_in_one_name_among_several_is_wrong_use_and_nothing_is_done(tmp_path):
    site = Site(tmp_path)
    good = write_pictures(tmp_path / "in", 3)
    for named in ([tmp_path / "nowhere.jpg"], [*good, tmp_path / "nowhere.jpg"]):
        for command in ("run", "push"):
            ran = ask(command, *named, "--settings", site.settings)
            assert ran["exit"] == 2, command
            assert "There is no file or folder" in ran["error"]
            assert "nowhere.jpg" in ran["error"]
    assert not (tmp_path / "data").exists()


def test_a_folder_without_files_is_said_so(tmp_path):
    (tmp_path / "in").mkdir()
    ran = run_observatory("run", tmp_path / "in", "--settings", Site(tmp_path).settings, "--no-page")
    assert ran.returncode == 0
    assert "There was nothing to look at" in ran.stdout


def test_an_interrupt_lets_the_run_say_what_it_submitted_and_stored_and_the_next_run_goes_on(tmp_path):
    site = Site(tmp_path)
    write_pictures(tmp_path / "in", 200)
    command = [sys.executable, "-m", "streams.cli", "run", str(tmp_path / "in")]
    process = subprocess.Popen(
        [*command, "--settings", str(site.settings), "--no-page", "--json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(lambda: any(site.store_folder.glob("results/**/result.json")), what="something is stored")
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    told = check_sum(json.loads(said))
    assert (process.returncode, told["interrupted"]) == (130, True)
    assert 0 < told["stored"] < 200
    ledger = ask("ledger", "--settings", site.settings)
    assert {name: ledger[name] for name in ("submitted", *STATES)} == {
        name: told[name] for name in ("submitted", *STATES)
    }
    again = check_sum(look(site, tmp_path / "in"))
    assert (again["exit"], again["stored"]) == (0, 200)
    assert ask("ledger", "--settings", site.settings)["submitted"] == 200


def test_a_feed_that_is_not_there_is_wrong_use(tmp_path):
    site = Site(tmp_path)
    ran = look(site, tmp_path, "--feed", "cma")
    assert ran["exit"] == 2
    assert "there are cam" in ran["error"]


def test_without_its_broker_it_says_so_and_ends_as_an_outage(tmp_path):
    site = Site(tmp_path, broker="kafka://127.0.0.1:9")
    write_pictures(tmp_path / "in", 1)
    ran = look(site, tmp_path / "in")
    assert ran["exit"] == 3, ran
    assert ran["kind"] == "outage"
    assert "127.0.0.1" in ran["error"]


def test_an_installation_without_its_model_ends_the_run_instead_of_waiting_for_ever(tmp_path):
    changes = """
[installations.lost]
detector = "yolo"
[installations.lost.parameters]
model = "nothing@9"
[feeds.lost-cam]
installation = "lost"
"""
    site = Site(tmp_path, changes=changes)
    write_pictures(tmp_path / "in", 2)
    ran = look(site, tmp_path / "in", "--feed", "lost-cam")
    assert ran["exit"] == 2
    assert "nothing@9" in ran["error"]
    assert ask("ledger", "--settings", site.settings)["in_flight"] == 2, "it is still ours"


def test_a_feed_that_pauses_ends_the_run_with_what_to_do(tmp_path):
    site, folder = Site(tmp_path, worker={"pause_last": 5}), tmp_path / "in"
    folder.mkdir()
    for number in range(12):
        (folder / f"{name_minute(number)}-CAM.jpg").write_bytes(make_picture(number)[:900])
    ran = look(site, folder)
    assert ran["exit"] == 3
    assert "Feed cam is paused" in ran["error"]
    told = check_sum(ask("ledger", "--settings", site.settings))
    assert (told["submitted"], told["rejected"], told["in_flight"]) == (12, 4, 8)


def test_what_was_set_aside_for_a_missing_feed_is_stored_when_the_feed_is_there_and_it_is_tried_again(tmp_path):
    late = "[feeds.late]\ninstallation = 'bright'\n"
    site = Site(tmp_path, changes=late)
    write_pictures(tmp_path / "late", 2)
    write_pictures(tmp_path / "in", 1)
    assert ask("push", tmp_path / "late", "--feed", "late", "--settings", site.settings)["exit"] == 0
    site.changes = ""
    assert look(site, tmp_path / "in")["stored"] == 1
    letters = list_letters(site)
    assert [(letter["feed"], letter["reason"]) for letter in letters] == [("late", "unknown_feed")] * 2
    saved = tmp_path / "saved.jpg"
    assert ask("dead-letters", "save", letters[0]["number"], saved, "--settings", site.settings)["exit"] == 0
    assert saved.read_bytes() in {path.read_bytes() for path in (tmp_path / "late").iterdir()}
    site.changes = late
    assert len(ask("dead-letters", "retry", "--settings", site.settings)["sent"]) == 2
    look(site, tmp_path / "in", "--feed", "cam")
    told = check_sum(ask("ledger", "--settings", site.settings))
    assert (told["submitted"], told["stored"], told["rejected"]) == (3, 3, 0)
    assert list_letters(site) == []


def make_raw(**changed):
    """Return an arrival as a foreign client might write it."""
    headers = {
        "ce_specversion": SPEC_VERSION,
        "ce_type": "media.arrived.v1",
        "ce_source": "/feeds/cam",
        "ce_id": "raw-1",
        "ce_subject": "20240422-230000-raw.jpg",
        "content-type": "image/jpeg",
        **changed,
    }
    value = headers.pop("value", None)
    pairs = tuple((name, text.encode()) for name, text in headers.items())
    return Record(Topics().media_arrived, b"cam", make_picture(999) if value is None else value, pairs)


#: What no router sees: garbage on the topics behind it.
GARBAGE = (
    Record(Topics().work("bright", "live"), b"k", b"{", ()),
    Record(Topics().work("bright", "archive"), None, b"\xff" * 999_900, ()),
    Record(Topics().usage_recorded, b"k", b"no use", ()),
    Record(Topics().result_stored, b"k", b"no result", ()),
    Record(Topics().media_settled, b"k", b"no end", ()),
)

POISON = (
    Record(Topics().media_arrived, b"cam", b"\xff" * 50, ()),
    Record(Topics().media_arrived, None, b"", (("ce_id", b"\xff\x00"),)),
    make_raw(ce_specversion="0.3", ce_id="p1"),
    make_raw(ce_dataref="/etc/passwd", ce_id="p2", value=b""),
    make_raw(ce_datasha256="0" * 64, ce_id="p3"),
    make_raw(ce_source="/feeds/nobody", ce_id="p4"),
    # as large as a topic takes: its dead letter, with the reason beside it, must go another way
    make_raw(ce_id="p5", value=bytes(999_600)),
)


def send(site, records):
    deployment = read_settings(site.settings).deployment
    with contextlib.closing(open_broker(deployment)) as client:
        client.create(plan_topics(deployment))
        for record in records:
            client.append([record])


def test_a_poison_record_between_good_ones_stops_nothing(tmp_path):
    site = Site(tmp_path)
    write_pictures(tmp_path / "first", 2)
    write_pictures(tmp_path / "second", 2, first=30)
    send(site, GARBAGE)
    assert look(site, tmp_path / "first")["stored"] == 2
    send(site, [*POISON, make_raw(ce_id="good")])
    told = check_sum(look(site, tmp_path / "second"))
    assert (told["exit"], told["stored"]) == (0, 2), told["stderr"]
    ledger = check_sum(ask("ledger", "--settings", site.settings))
    assert (ledger["stored"], ledger["rejected"], ledger["in_flight"]) == (5, 7, 0)
    assert Counter(letter["reason"] for letter in list_letters(site)) == {
        "unreadable_envelope": 2,
        "unknown_version": 1,
        "local_reference": 1,
        "digest_differs": 1,
        "unknown_feed": 1,
        "not_media": 1,
        "unreadable_order": 2,
    }
