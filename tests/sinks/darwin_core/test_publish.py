"""The archive as a whole: what is in it, what is not, and that the same results always give the same bytes."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from dwca.read import DwCAReader
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import FatalFault, TransientFault
from sinks.darwin_core import publish
from sinks.darwin_core.gate.complaints import Complaints
from sinks.darwin_core.labels import load_shipped_map
from sinks.darwin_core.publish import (
    ArchiveRefusedError,
    DemonstrationRefusedError,
    NothingToPublishError,
    publish_archive,
)
from tests.sinks.darwin_core.builders import (
    NOWHERE,
    make_clip,
    make_deployment,
    make_labels,
    make_observer,
    make_place,
    make_plan,
    make_season,
    make_still,
    read_files,
    read_rows,
)

GOLDEN = Path(__file__).parent / "golden"


def publish_season(to, units=None, **changes):
    fields = {"labels": make_labels(), "deployments": [make_deployment()], "to": to}
    plan = changes.pop("plan", None) or make_plan()
    return publish_archive(make_season() if units is None else units, plan, **{**fields, **changes})


def test_the_files_of_an_archive_are_the_golden_ones(tmp_path):
    publish_season(tmp_path / "a.zip")
    files = read_files(tmp_path / "a.zip")
    if os.environ.get("OBSERVATORY_UPDATE_GOLDEN") == "1":
        GOLDEN.mkdir(exist_ok=True)
        for name, text in files.items():
            (GOLDEN / name).write_text(text, encoding="utf-8", newline="")
    assert sorted(path.name for path in GOLDEN.iterdir()) == sorted(files)
    for name, text in files.items():
        assert text == (GOLDEN / name).read_bytes().decode(), f"{name} (OBSERVATORY_UPDATE_GOLDEN=1 rewrites it)"


def test_the_report_adds_up(tmp_path):
    units = [*make_season(), make_season()[0], make_still([], minute=9, where=NOWHERE, feed="camera-c")]
    report = publish_season(tmp_path / "a.zip", units)
    assert (report.results, report.repeated) == (8, 1)
    assert report.results == report.stills + report.clips + sum(report.left_out.values())
    assert report.left_out == {"position_unknown": 1}
    assert report.left_out_units == {"position_unknown": (units[-1].unit.stamp.unit_id,)}
    assert (report.deployments, report.empty, report.occurrences) == (3, 3, 5)
    assert (report.unmapped, report.without_id) == ({"what": 1}, {"puffin": 1})
    assert (report.not_taxa, report.traces) == ({"Diver": 1}, {"burrow": 3})
    assert len(read_rows(tmp_path / "a.zip", "event.txt")) == report.deployments + report.stills + report.clips
    assert len(read_rows(tmp_path / "a.zip", "occurrence.txt")) == report.occurrences
    assert len(read_rows(tmp_path / "a.zip", "extendedmeasurementorfact.txt")) == report.measurements
    assert not report.is_whole


def test_another_reader_opens_the_archive_and_finds_no_orphan(tmp_path):
    report = publish_season(tmp_path / "a.zip")
    with DwCAReader(str(tmp_path / "a.zip")) as archive:
        assert archive.descriptor.core.type == "http://rs.tdwg.org/dwc/terms/Event"
        assert archive.orphaned_extension_rows() == {"occurrence.txt": {}, "extendedmeasurementorfact.txt": {}}
        rows = list(archive)
        assert len(rows) == report.deployments + report.stills + report.clips
        clip = next(row for row in rows if row.id.endswith("videoClip_20250601T070000000Z"))
        names = {
            row.data["http://rs.tdwg.org/dwc/terms/scientificName"]
            for row in clip.extensions
            if "occ" in row.rowtype.lower()
        }
        assert names == {"Actinopterygii", "Diplodus vulgaris"}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), repeats=st.lists(st.integers(0, 6), max_size=8))
def test_the_order_and_the_number_of_copies_of_results_change_no_byte(seed, repeats):
    season = make_season()
    units = [*season, *(season[at] for at in repeats)]
    random.Random(seed).shuffle(units)
    with TemporaryDirectory() as folder:
        once = publish_season(Path(folder) / "once.zip")
        again = publish_season(Path(folder) / "again.zip", units)
        assert (Path(folder) / "once.zip").read_bytes() == (Path(folder) / "again.zip").read_bytes()
        assert (again.sha256, again.content_sha256) == (once.sha256, once.content_sha256)
        assert again.repeated == len(repeats)


def test_a_new_model_changes_rows_and_no_event_id(tmp_path):
    publish_season(tmp_path / "old.zip", [make_still(["fish"]), make_clip([{"Chromis chromis": 2}])])
    observer = make_observer(version="9.9")
    newer = [make_still([], observer=observer), make_clip([{"Chromis chromis": 3}], observer=observer)]
    publish_season(tmp_path / "new.zip", newer)
    old, new = (read_rows(tmp_path / f"{name}.zip", "event.txt") for name in ("old", "new"))
    assert [row["eventID"] for row in old] == [row["eventID"] for row in new]
    (kept,) = read_rows(tmp_path / "new.zip", "occurrence.txt")
    assert kept["occurrenceID"] in {row["occurrenceID"] for row in read_rows(tmp_path / "old.zip", "occurrence.txt")}
    assert kept["organismQuantity"] == "3"


def test_an_empty_picture_keeps_its_event_and_makes_no_absence(tmp_path):
    publish_season(tmp_path / "a.zip", [make_still([]), make_clip([{}])])
    events = read_rows(tmp_path / "a.zip", "event.txt")
    assert [row["eventType"] for row in events] == ["deployment", "still", "videoClip"]
    assert read_rows(tmp_path / "a.zip", "occurrence.txt") == []


def test_a_diver_never_becomes_an_occurrence_with_any_shipped_map(tmp_path):
    for name in ("obsea-fish", "aquarium-animals"):
        report = publish_season(tmp_path / "a.zip", [make_still(["Diver", "Bubbles"])], labels=load_shipped_map(name))
        assert report.occurrences == 0
        assert {**report.not_taxa, **report.unmapped} == {"Diver": 1, "Bubbles": 1}


def test_results_of_a_demonstration_model_are_refused(tmp_path):
    units = [make_still(["fish"], observer=make_observer(demonstration=True))]
    with pytest.raises(DemonstrationRefusedError, match="not published unless that is allowed"):
        publish_season(tmp_path / "a.zip", units)
    assert list(tmp_path.iterdir()) == []


def test_an_allowed_demonstration_says_so_everywhere(tmp_path):
    units = [
        make_still(["fish"], observer=make_observer(demonstration=True)),
        make_still([], minute=1, content="11" * 32),
    ]
    report = publish_season(tmp_path / "a.zip", units, allow_demonstration=True)
    title = "Fishes seen by the cameras of the example observatory (demonstration model)"
    files = read_files(tmp_path / "a.zip")
    assert report.demonstration
    assert f"<title>{title}</title>" in files["eml.xml"]
    assert "<para>Made with a demonstration model" in files["eml.xml"]
    assert "demonstration model, detect" in files["eml.xml"]
    events = read_rows(tmp_path / "a.zip", "event.txt")
    assert {row["datasetName"] for row in events} == {title}
    assert [row["eventRemarks"].startswith("Made with a demonstration") for row in events] == [False, True, False]
    (row,) = read_rows(tmp_path / "a.zip", "occurrence.txt")
    assert row["identificationRemarks"].startswith("Made with a demonstration model")


def test_a_demonstration_result_that_is_not_chosen_is_no_reason_to_refuse(tmp_path):
    both = [
        make_still(["fish"], observer=make_observer(version=version, demonstration=demo))
        for version, demo in (("1", True), ("2", False))
    ]
    report = publish_season(tmp_path / "a.zip", both, plan=make_plan(observers=("exampledet 2",)))
    assert not report.demonstration
    assert report.left_out == {"observer_not_chosen": 1}


def test_superseded_results_are_counted_and_left_out(tmp_path):
    units = [make_still(["fish"]), dataclasses.replace(make_still(["fish"], minute=1), superseded=True)]
    report = publish_season(tmp_path / "a.zip", units)
    assert (report.stills, report.left_out) == (1, {"superseded": 1})


@pytest.mark.parametrize("units", [[], [make_still([], where=NOWHERE)]])
def test_an_archive_of_nothing_is_not_written(units, tmp_path):
    with pytest.raises(NothingToPublishError, match=r"none was given|position_unknown: 1"):
        publish_season(tmp_path / "a.zip", units, deployments=[])
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_fails_its_checks_is_not_written_and_the_older_one_stays(tmp_path, monkeypatch):
    publish_season(tmp_path / "a.zip")
    before = (tmp_path / "a.zip").read_bytes()

    def complain(folder, charter):
        complaints = Complaints()
        complaints.add("date", "event.txt:2", "a planted fault")
        return complaints

    monkeypatch.setattr(publish, "check_archive", complain)
    with pytest.raises(ArchiveRefusedError, match="a planted fault") as caught:
        publish_season(tmp_path / "a.zip", [make_still([])])
    assert isinstance(caught.value, FatalFault)
    assert (tmp_path / "a.zip").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_a_disk_that_takes_nothing_is_a_transient_fault(tmp_path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(TransientFault, match="could not be written"):
        publish_season(tmp_path / "file" / "a.zip")


def test_a_fault_of_the_source_passes_through_and_leaves_nothing(tmp_path):
    def fail():
        yield make_still([])
        raise TransientFault("The store is away.")

    with pytest.raises(TransientFault, match="store is away"):
        publish_season(tmp_path / "a.zip", fail())
    assert list(tmp_path.iterdir()) == []


def test_cameras_with_names_that_begin_alike_keep_their_own_deployments(tmp_path):
    feeds = ("cam", "cam-2", "cam2", "a-cam")
    units = [make_still(["fish"], feed=feed, minute=minute) for feed in feeds for minute in (0, 1)]
    report = publish_season(tmp_path / "a.zip", units)
    rows = read_rows(tmp_path / "a.zip", "event.txt")
    assert report.deployments == len(feeds)
    assert [row["eventID"] for row in rows] == sorted(row["eventID"] for row in rows)


def test_what_an_archive_lacks_is_said(tmp_path):
    bare = [make_still(["fish"], stored_at=None, where=NOWHERE)]
    deployment = make_deployment(where=make_place(depth_min_m=None, depth_max_m=None))
    report = publish_season(
        tmp_path / "a.zip", bare, deployments=[deployment], plan=make_plan(media_url=None, cameras=())
    )
    said = " ".join(report.notes)
    for part in ("associatedMedia is empty", "1 event without a depth", "collection L22", "dates in the future"):
        assert part in said
    assert publish_season(tmp_path / "b.zip").notes == ()


def test_a_late_unit_adds_rows_and_changes_no_id(tmp_path):
    season = make_season()
    publish_season(tmp_path / "1.zip", season)
    publish_season(tmp_path / "2.zip", [*season, make_still(["fish"], minute=-9999, content="77" * 32)])
    before, after = ({row["eventID"] for row in read_rows(tmp_path / f"{n}.zip", "event.txt")} for n in (1, 2))
    assert before < after
    assert len(after - before) == 1


def test_a_year_begins_in_utc(tmp_path):
    newyear = dt.datetime(2025, 1, 1, 0, 30, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    publish_season(tmp_path / "a.zip", [make_still([], minute=0), make_clip([{}], at=newyear)])
    parents = [row["eventID"] for row in read_rows(tmp_path / "a.zip", "event.txt") if row["eventType"] == "deployment"]
    assert parents == ["exobs:camera-a:2024", "exobs:camera-a:2025"]


def test_the_report_is_plain_for_a_machine_and_names_everything_for_a_person(tmp_path):
    units = [*make_season(), make_season()[0], make_still([], minute=9, where=NOWHERE, feed="camera-c")]
    report = publish_season(tmp_path / "a.zip", units)
    plain = json.loads(json.dumps(report.to_plain()))
    assert (plain["occurrences"], plain["left_out"], plain["is_whole"]) == (5, {"position_unknown": 1}, False)
    text = report.to_text()
    for part in (
        "4 stills and 3 clips (3 with nothing found) of 3 deployments",
        report.sha256,
        "1 result, counted once",
    ):
        assert part in text
    for part in ("position_unknown", units[-1].unit.stamp.unit_id, "'what' 1", "'puffin' 1", "'Diver' 1", "'burrow' 3"):
        assert part in text
