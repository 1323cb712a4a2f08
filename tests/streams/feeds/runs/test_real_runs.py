"""The readers on real runs: three FlowCam runs, one of another ship without settings, and pictures that people sorted."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from PIL import Image as Pillow

from schemas.finding import UnreadImage
from schemas.forms.quantities import QUANTITIES
from schemas.geometry import Cutout
from streams.feeds.runs.files import lend_files, list_folder
from streams.feeds.runs.visualspreadsheet.papers.volume import compute_factor
from streams.feeds.runs.visualspreadsheet.reader import VisualSpreadsheetReader
from tests.support.runs import read, read_opinions, survey

SULFATE = "7-Pygsuia-SF-SW-sulfate-day5-sample2-replicate3-08April2024"
NITRATE = "7-Pygsuia-SF-SW-NITRATE-day5-sample3-replicate3-08April2024"
TERASAKIELLA = "7-Pygsuia-3LB-SFSW-Terasakiella-sample2-replicate1-day7-11Apr2025"

#: Particles per millilitre as the instrument printed them.
DECLARED = {SULFATE: 57_555, NITRATE: 34_448, TERASAKIELLA: 7_054}

every_run = pytest.mark.parametrize("name", DECLARED)


@pytest.fixture
def runs(real_data):
    return real_data / "plankton/flowcam_runs"


@every_run
def test_the_concentration_is_the_instruments_own_to_the_last_digit(runs, name):
    facts, particles, unread = read(runs / name)
    assert (len(particles), unread) == (1_000, {})
    assert facts.volume.source == "geometry"
    assert round(facts.to_concentration(len(particles))) == DECLARED[name] == facts.declared.particles_per_ml
    assert facts.notes == ()


@every_run
def test_a_volume_rounded_for_a_document_still_gives_the_instruments_concentration(runs, name):
    facts, particles, _ = read(runs / name)
    volume_ml = round(facts.counted_ml, QUANTITIES["volume_ml"].decimals)
    assert round(len(particles) / volume_ml) == DECLARED[name]


@every_run
def test_without_its_settings_a_run_has_the_volume_of_its_summary(runs, name):
    files = list_folder(runs / name)
    kept = {other: path for other, path in files.paths.items() if not other.endswith(".ctx")}
    run = VisualSpreadsheetReader().open(lend_files(kept))
    assert run.facts.volume.source == "declared"
    assert round(run.facts.to_concentration(1_000)) == DECLARED[name]
    assert run.facts.notes == ("no_context",)


@every_run
def test_the_printed_factor_is_that_of_flow_in_a_flat_channel(runs, name):
    facts = read(runs / name)[0]
    printed = {SULFATE: 0.8679, NITRATE: 0.8677, TERASAKIELLA: 0.8676}[name]
    height_cm = 958 * facts.pixel_um / 1e4
    speed = facts.flow_rate_ml_min / 60 / 2e-3 / (height_cm * facts.frame_rate_hz)
    assert round(compute_factor(speed), 4) == printed


def test_every_reference_image_is_cut_out_identical_to_the_pixel(runs, real_data):
    references = {}
    for path in (real_data / "plankton/flowcam_roi").rglob("*.png"):
        run, _, name = path.stem.rpartition("_")
        references.setdefault(run, {})[name] = path
    compared = Counter()
    for run in references.keys() & {path.name for path in runs.iterdir()}:
        for particle, pixels, _ in read(runs / run)[1].values():
            path = references[run].pop(particle.name, None)
            if path is not None:
                with Pillow.open(path) as reference:
                    np.testing.assert_array_equal(pixels, np.asarray(reference), err_msg=path.name)
                compared[run] += 1
    assert compared == {NITRATE: 1_000, SULFATE: 1_000}
    assert not any(references.values()), "references without a particle"


@every_run
def test_every_mask_has_the_area_that_the_instrument_printed(runs, name):
    for particle, _, mask in read(runs / name)[1].values():
        assert mask.sum() == particle.measures["area_px"]


@every_run
def test_outlines_fill_to_the_filled_area_where_binary_collages_are_missing(runs, name):
    files = list_folder(runs / name)
    kept = {other: path for other, path in files.paths.items() if not other.endswith("_bin.tif")}
    run = VisualSpreadsheetReader().open(lend_files(kept))
    filled = [(particle.mask.sum(), particle.measures["filled_area_px"]) for particle in run.particles()]
    assert len(filled) == 1_000
    assert all(pixels == printed for pixels, printed in filled)


@every_run
def test_each_particle_says_where_it_is_and_where_it_was_seen(runs, name):
    for particle, pixels, _ in read(runs / name)[1].values():
        image = particle.to_image()
        assert isinstance(image.place, Cutout)
        assert (image.height_px, image.width_px) == pixels.shape[:2]
        assert image.field is not None
        assert 0 < image.offset_s < 300
        assert image.scale.pixel_um == 0.5544
        assert set(particle.measures) <= set(QUANTITIES)
        assert len(particle.measures) >= 40


def test_one_particle_is_told_as_it_stands_in_the_list(runs):
    particle = read(runs / NITRATE)[1][9][0]
    assert particle.to_image().to_canonical() == (
        b'{"field":{"frame":41,"x_px":271,"y_px":677},"flags":[],"height_px":27,"index":9,"kind":"roi",'
        b'"offset_s":2.516,"place":{"kind":"cutout","part":"collage.1","x_px":201,"y_px":0},'
        b'"scale":{"kind":"metric","method":"calibration","pixel_um":0.5544},"width_px":25}'
    )


@every_run
def test_measures_that_follow_from_others_are_those_of_the_instruments_table(runs, name):
    lines = (runs / name / f"{name}.csv").read_text().splitlines()
    columns = lines[0].split(",")
    table = {int(row[0]): dict(zip(columns, row, strict=True)) for row in (line.split(",") for line in lines[1:])}
    names = {
        "aspect_ratio": "Aspect Ratio",
        "circularity": "Circularity",
        "convexity": "Convexity",
        "transparency": "Transparency",
        "abd_volume_um3": "Volume (ABD)",
        "esd_volume_um3": "Volume (ESD)",
        "geodesic_length_um": "Geodesic Length",
        "fiber_curl": "Fiber Curl",
    }
    for index, (particle, _, _) in read(runs / name)[1].items():
        for quantity, column in names.items():
            printed = float(table[index][column])
            assert particle.measures[quantity] == pytest.approx(printed, rel=4e-4, abs=1.1e-4), (index, quantity)


def test_parts_have_their_roles_and_the_filter_file_is_an_opinion(runs):
    found = survey(runs / SULFATE)
    assert [part.role for part in found.parts] == [
        "list", "collage.1", "collage.2", "mask.1", "mask.2", "context", "summary", "report", "table", "edges",
        "calibration.1",
    ]  # fmt: skip
    assert found.opinions == (f"{SULFATE}.cla",)
    assert (found.group, found.is_complete, found.is_closed) == (SULFATE, True, True)


def test_the_filter_file_says_which_particles_it_takes_for_what_and_nobody_decided_it(runs):
    said = read_opinions(runs / SULFATE)
    assert Counter(opinion.label for opinion in said) == {"Junk": 326, "protist": 17}
    assert {opinion.source for opinion in said} == {"filter"}
    assert not any(opinion.is_validated for opinion in said)


@every_run
def test_no_path_and_no_name_of_a_person_comes_out(runs, name):
    facts, particles, _ = read(runs / name)
    told = repr(
        (facts, survey(runs / name), read_opinions(runs / name), [entry[0].name for entry in particles.values()])
    )
    for secret in ("Users", "Karla", "karla", "Campos", "Program Files", ":\\", "Technician"):
        assert secret not in told


def test_the_settings_name_the_instrument_and_its_times_are_utc(runs):
    facts = read(runs / SULFATE)[0]
    assert facts.software == "VisualSpreadsheet 4.19.3"
    assert (facts.mode, facts.magnification, facts.flow_cell, facts.frames) == ("auto_image", 10, "FC100", 532)
    assert facts.started_at.isoformat() == "2024-04-08T08:14:01+00:00"
    assert facts.started_local == "2024-04-08T10:14:01"
    assert facts.dilution == 1


def test_a_run_without_settings_has_its_particles_and_no_concentration(real_data):
    facts, particles, unread = read(real_data / "plankton/flowcam_comics")
    assert (len(particles), unread) == (506, {})
    assert {entry[0].pixel_um for entry in particles.values()} == {1.813}
    assert all(mask.sum() == particle.measures["area_px"] for particle, _, mask in particles.values())
    assert facts.counted_ml is None
    assert facts.to_concentration(len(particles)) is None
    assert (facts.started_at, facts.started_local) == (None, None)  # its rows were written two years after the cruise
    assert facts.notes == ("no_context", "no_summary")
    assert not survey(real_data / "plankton/flowcam_comics").is_closed


def test_settings_alone_are_a_run_that_waits_for_its_list(real_data):
    found = survey(real_data / "plankton/flowcam_ctx")
    assert [(missing.role, missing.why) for missing in found.missing] == [("list", "absent")]
    assert found.opinions == ("201-045311.cla",)


@pytest.mark.parametrize(("folder", "count", "classes"), [("flowcam_roi", 2_000, 3), ("vliz_flowcam", 250, None)])
def test_sorted_pictures_are_particles_whose_folder_is_an_opinion(real_data, folder, count, classes):
    path = real_data / "plankton" / folder
    _, particles, unread = read(path)
    assert (sorted(particles), unread) == (list(range(count)), {})
    said = read_opinions(path)
    assert [opinion.index for opinion in said] == list(range(count))
    names = {entry.name for entry in path.iterdir()}
    assert {opinion.label for opinion in said} == names
    assert classes is None or len(names) == classes


def test_grey_and_colour_pictures_come_in_the_same_shape(real_data):
    modes = Counter()
    folder = real_data / "plankton/vliz_flowcam"
    for particle, pixels, _ in read(folder)[1].values():
        with Pillow.open(folder / particle.name) as picture:
            modes[picture.mode] += 1
            if picture.mode == "L":
                assert (pixels == pixels[:, :, :1]).all()
        assert pixels.shape[2] == 3
    assert modes == {"RGB": 171, "L": 79}


def test_a_walk_through_particles_may_be_broken_off_and_begun_again(runs):
    run = VisualSpreadsheetReader().open(list_folder(runs / SULFATE))
    first = next(run.particles())
    again = next(run.particles())
    assert not isinstance(first, UnreadImage)
    np.testing.assert_array_equal(first.pixels, again.pixels)
