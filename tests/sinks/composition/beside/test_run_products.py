"""What stands beside the result of a run: every particle once, counted by those who come first, and files that say it."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import zipfile

import numpy as np
import pytest

from schemas.canonical import to_sha256
from schemas.finding import UNIDENTIFIED, FieldPlace, Finding, Image, LookedImage, MetricScale, UnreadImage
from schemas.geometry import Cutout, Whole
from schemas.result import ModelRef, Observer
from schemas.sampling.run import RunAccount, RunRecord, SaidOfParticle
from schemas.unit import Instant, make_stamp
from sinks.composition.beside.run_products import Beside, make_companion
from sinks.composition.run_counts import read_run_counts

UNIT = make_stamp(
    installation="flowcam",
    feed="lab",
    kind="run",
    captured=Instant(at=dt.datetime(2024, 4, 8, 9, 0, tzinfo=dt.UTC)),
    content=to_sha256(b"run"),
)
MODEL = ModelRef(
    role="classifier", name="plankton", version="3", sha256="0" * 64, task="classify", precision="f32",
    input_px=(48, 48), provenance="user",
)  # fmt: skip
CLASSIFIER = Observer(name="roi-classifier", version="1", reader="visualspreadsheet/1", models=(MODEL,))
COUNTER = Observer(name="particles", version="1", reader="visualspreadsheet/1")
RECORD = RunRecord(group="sea-1", layout="visualspreadsheet", mode="auto_image", imaged_ml=0.5)


def make_entry(index, label="Diatom", *, score=0.9, frame=None, **measures):
    field = None if frame is None else FieldPlace(frame=frame, x_px=100, y_px=50)
    image = Image(
        index=index, kind="roi", width_px=20, height_px=16, field=field, scale=MetricScale(pixel_um=0.5, method="calibration"),
        place=Cutout(part="collage.1", x_px=0, y_px=0),
    )  # fmt: skip
    found = Finding(
        n=0, by="classifier", label=label, score=None if label == UNIDENTIFIED else score, geometry=Whole(),
        measures=measures, flags=(UNIDENTIFIED,) if label == UNIDENTIFIED else (),
    )  # fmt: skip
    return LookedImage(image=image, findings=(found,))


def make_pixels(seed):
    return np.random.default_rng(seed).integers(0, 255, (16, 20, 3), dtype=np.uint8)


def finish(entries, *, said=(), observer=CLASSIFIER, record=RECORD, unread=(), **beside):
    """Return the bytes of every product by name."""
    companion = make_companion(Beside(**beside))(UNIT, observer)
    account = RunAccount(record, "flowcam-1", tuple(said))
    for entry in entries:
        companion.look(account, entry, make_pixels(0 if entry.image.field else entry.image.index))
    for index in unread:
        companion.miss(UnreadImage(index=index, reason="zero_size"))
    return {
        product.name: product.source if isinstance(product.source, bytes) else product.source.read_bytes()
        for product in companion.finish(account)
    }


def read_rows(data):
    return list(csv.DictReader(io.StringIO(data.decode())))


def test_every_particle_is_a_row_and_is_counted_the_unread_ones_too():
    files = finish([make_entry(2, esd_um=4.0), make_entry(1, "Junk", esd_um=3.0)], unread=[3])
    rows = read_rows(files["particles.csv"])
    assert [(row["particle"], row["label"], row["flags"]) for row in rows] == [
        ("1", "Junk", ""), ("2", "Diatom", ""), ("3", "", "unread"),
    ]  # fmt: skip
    plain = json.loads(files["composition.json"])
    assert plain["totals"]["all"]["particles"] == 3
    assert plain["totals"]["all"]["per_l"] == 6_000
    assert plain["totals"]["unidentified"]["particles"] == 1


def test_counts_are_those_of_labels_so_that_samples_can_be_pooled_from_them():
    counts = read_run_counts(finish([make_entry(1), make_entry(2)])["counts.json"])
    assert (counts.run, counts.feed, counts.instrument, counts.observer) == ("sea-1", "lab", "flowcam-1", CLASSIFIER)
    assert counts.tally.particles == 2
    assert counts.volumes.imaged_ml == 0.5


def test_a_filter_speaks_only_where_no_model_did():
    said = [SaidOfParticle(index=1, label="Filtered", source="filter")]
    by_model = read_rows(finish([make_entry(1)], said=said)["particles.csv"])
    by_filter = read_rows(finish([make_entry(1, UNIDENTIFIED)], said=said, observer=COUNTER)["particles.csv"])
    assert (by_model[0]["label"], by_model[0]["status"]) == ("Diatom", "predicted")
    assert (by_filter[0]["label"], by_filter[0]["status"]) == ("Filtered", "filtered")
    # beside a model it is written down and not counted; where it counts it is not said twice
    assert (by_model[0]["unverified"], by_filter[0]["unverified"]) == ("Filtered", "")


def test_a_person_who_gives_name_and_day_comes_before_a_model():
    day = dt.date(2024, 5, 1)
    said = [SaidOfParticle(index=1, label="Ciliate", source="annotation", annotator="annotator-1", decided_on=day)]
    (row,) = read_rows(finish([make_entry(1)], said=said)["particles.csv"])
    assert (row["label"], row["status"], row["decided_on"]) == ("Ciliate", "validated", "2024-05-01")


def test_one_thing_seen_in_three_frames_at_one_place_counts_once_and_the_rest_is_flagged():
    plain = json.loads(finish([make_entry(index, frame=index) for index in (1, 2, 3)])["composition.json"])
    assert plain["totals"]["by_flag"]["repeated"] == 2
    assert plain["totals"]["all"]["particles"] == 3
    assert plain["totals"]["all_without_flagged"]["particles"] == 1


def test_where_no_volume_is_known_there_is_no_concentration_and_a_reason():
    plain = json.loads(finish([make_entry(1)], record=RunRecord(group="a", layout="pictures"))["composition.json"])
    assert plain["volume"]["known"] is False
    assert plain["volume"]["sentences"]
    assert "per_l" not in plain["totals"]["all"]


@pytest.mark.parametrize("cutouts", ["none", "sheets", "images"])
def test_pictures_are_kept_as_the_settings_say(cutouts):
    files = finish([make_entry(1), make_entry(2, "Junk")], cutouts=cutouts)
    sheets = sorted(name for name in files if name.startswith("sheets/"))
    assert sheets == (["sheets/diatom-001.png", "sheets/junk-001.png"] if cutouts == "sheets" else [])
    assert ("cutouts.zip" in files) == (cutouts == "images")
    if cutouts == "images":
        with zipfile.ZipFile(io.BytesIO(files["cutouts.zip"])) as archive:
            assert archive.namelist() == ["Diatom/1.png", "Junk/2.png"]


def test_the_same_run_gives_the_same_bytes():
    entries = [make_entry(index, frame=index % 5, esd_um=index / 3) for index in range(1, 200)]
    for cutouts in ("sheets", "images"):
        assert finish(entries, cutouts=cutouts) == finish(entries, cutouts=cutouts)


def test_the_plot_can_be_left_out():
    assert "composition.png" in finish([make_entry(1)])
    assert "composition.png" not in finish([make_entry(1)], plot=False)
