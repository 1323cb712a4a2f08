"""A generated run read back gives what was planted, whatever the order of its columns and the way it was saved."""

from __future__ import annotations

import random
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.finding import FieldPlace
from schemas.geometry import Cutout
from streams.demo.flowcam.papers import SECRETS
from streams.demo.flowcam.run import COLUMNS
from streams.feeds.runs.registry import find_reader, make_readers, open_files
from streams.feeds.runs.visualspreadsheet.measures import COLUMNS as MEASURES
from tests.support.runs import (
    TWO_COLLAGES,
    edit_rows,
    list_path,
    read,
    read_opinions,
    survey,
    write_small_run,
    zip_folder,
)

#: Columns without which there is no particle.
NEEDED = ("id", "image_x", "image_y", "image_w", "image_h", "collage_file")


def assert_planted(run, particles, *, columns=tuple(COLUMNS)):
    """Compare everything that is read with everything that was planted."""
    planted = {true.index: true for true in run.particles()}
    assert particles.keys() == planted.keys()
    for index, (particle, pixels, mask) in particles.items():
        true = planted[index]
        np.testing.assert_array_equal(pixels, true.pixels)
        np.testing.assert_array_equal(mask, true.mask)
        assert particle.place == Cutout(part=f"collage.{true.collage}", x_px=true.x_px, y_px=true.y_px)
        for column in set(columns) & MEASURES.keys() & true.columns.keys():
            assert particle.measures[MEASURES[column]] == float(true.columns[column]), column
        if "elapsed_time" in columns:
            assert particle.offset_s == true.offset_s
        if {"src_image", "src_x", "src_y"} <= set(columns):
            x_px, y_px = true.field_px
            assert particle.field == FieldPlace(frame=true.frame, x_px=x_px, y_px=y_px)
        else:
            assert particle.field is None
        assert particle.name == (true.name if "image_id" in columns else str(index))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    left_out=st.sets(st.sampled_from(sorted(set(COLUMNS) - set(NEEDED)))),
    order=st.randoms(use_true_random=False),
    comma=st.booleans(),
    windows=st.booleans(),
)
def test_what_was_planted_is_read_whatever_the_order_of_the_columns(*, seed, left_out, order, comma, windows):
    columns = [name for name in COLUMNS if name not in left_out]
    order.shuffle(columns)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "run"
        run = write_small_run(folder, seed=seed, particles=seed % 40, columns=tuple(columns))
        if comma:
            doubles = {name for name, kind in COLUMNS.items() if kind == "double"}
            edit_rows(folder, lambda rows, names: [_with_commas(row, names, doubles) for row in rows])
        if windows:
            text = list_path(folder).read_bytes().replace(b"\n", b"\r\n")
            list_path(folder).write_bytes(b"\xef\xbb\xbf" + text)
        facts, particles, unread = read(folder)
    assert unread == {}
    assert_planted(run, particles, columns=tuple(columns))
    assert facts.volume.imaged_ml == pytest.approx(run.plan.imaged_ml, rel=1e-9)


def _with_commas(row, names, doubles):
    return [field.replace(".", ",") if name in doubles else field for name, field in zip(names, row, strict=True)]


def test_a_run_in_several_collages_is_read_whole(tmp_path):
    run = write_small_run(tmp_path / "run", particles=TWO_COLLAGES)
    _, particles, unread = read(tmp_path / "run")
    assert unread == {}
    assert_planted(run, particles)
    assert {entry[0].place.part for entry in particles.values()} == {"collage.1", "collage.2"}


def test_a_list_sorted_by_something_else_gives_the_same_particles(tmp_path):
    run = write_small_run(tmp_path / "run", particles=TWO_COLLAGES, edges=True, table=True)
    edit_rows(tmp_path / "run", lambda rows, _: random.Random(1).sample(rows, len(rows)))
    _, particles, unread = read(tmp_path / "run")
    assert unread == {}
    assert set(particles) == {true.index for true in run.particles()}
    for true in run.particles():
        np.testing.assert_array_equal(particles[true.index][1], true.pixels)


class CountedFiles:
    """Files that remember which of them were opened."""

    def __init__(self, files):
        self.sizes, self.is_archive, self._files = files.sizes, files.is_archive, files
        self.opened = []

    def open(self, name):
        self.opened.append(name)
        return self._files.open(name)


def test_collages_of_a_shuffled_list_are_each_opened_once(tmp_path):
    write_small_run(tmp_path / "run", particles=TWO_COLLAGES, masks=False)
    edit_rows(tmp_path / "run", lambda rows, _: random.Random(1).sample(rows, len(rows)))
    with open_files(tmp_path / "run") as files:
        counted = CountedFiles(files)
        run = find_reader(counted, make_readers()).open(counted)
        counted.opened.clear()
        assert sum(1 for _ in run.particles()) == TWO_COLLAGES
    assert sorted(counted.opened) == ["run.lst", "run_000001.tif", "run_000002.tif"]


def test_a_zipped_run_gives_the_same_particles_as_its_folder(tmp_path):
    run = write_small_run(tmp_path / "run", particles=TWO_COLLAGES, table=True)
    archive = zip_folder(tmp_path / "run", tmp_path / "run.zip", prefix="2024/run/")
    _, particles, unread = read(archive)
    assert unread == {}
    assert_planted(run, particles)
    assert [part.name for part in survey(archive).parts][:2] == ["2024/run/run.lst", "2024/run/run_000001.tif"]


def test_outlines_make_masks_where_none_were_saved(tmp_path):
    run = write_small_run(tmp_path / "run", masks=False, edges=True)
    particles = read(tmp_path / "run")[1]
    for true in run.particles():
        if true.kind != "ring":  # an outline knows nothing of holes
            np.testing.assert_array_equal(particles[true.index][2], true.mask)
        assert particles[true.index][2].sum() == float(true.columns["raw_filled_area"])


def test_without_binary_collages_and_outlines_there_is_no_mask(tmp_path):
    write_small_run(tmp_path / "run", masks=False)
    assert {entry[2] for entry in read(tmp_path / "run")[1].values()} == {None}


def test_the_exported_table_adds_its_own_measures(tmp_path):
    run = write_small_run(tmp_path / "run", table=True)
    particles = read(tmp_path / "run")[1]
    for true in run.particles():
        assert particles[true.index][0].measures["geodesic_length_um"] == float(true.columns["length"])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda lines: [lines[0], *reversed(lines[1:])],
        lambda lines: [lines[0], *(f"{line},1" for line in lines[1:])],
        lambda lines: [lines[0].replace("Particle ID", "Particle Id No"), *lines[1:]],
    ],
    ids=["sorted otherwise", "too many fields", "no number"],
)
def test_a_table_that_cannot_be_joined_is_passed_over(tmp_path, spoil):
    write_small_run(tmp_path / "run", table=True)
    path = tmp_path / "run" / "run.csv"
    path.write_text("\n".join(spoil(path.read_text().splitlines())) + "\n")
    particles = read(tmp_path / "run")[1]
    assert len(particles) == 30
    assert not any("geodesic_length_um" in entry[0].measures for entry in particles.values())


def test_fluorescence_that_was_not_measured_is_no_measure_and_measured_zeros_are(tmp_path):
    write_small_run(tmp_path / "run")

    def light(rows, columns):
        rows[0][columns.index("ch1_peak")] = "123.5"
        return rows

    edit_rows(tmp_path / "run", light)
    particles = read(tmp_path / "run")[1]
    assert particles[1][0].measures["channel_1_peak"] == 123.5
    assert particles[1][0].measures["channel_2_peak"] == 0
    assert not any(name.startswith("channel_") for name in particles[2][0].measures)


def test_a_measure_that_could_not_be_taken_is_absent(tmp_path):
    write_small_run(tmp_path / "run")

    def blank(rows, columns):
        rows[0][columns.index("esd_diameter")] = "nan"
        rows[1][columns.index("esd_diameter")] = ""
        rows[2][columns.index("esd_diameter")] = "-1.#IND"
        return rows

    edit_rows(tmp_path / "run", blank)
    particles = read(tmp_path / "run")[1]
    for index in (1, 2, 3):
        assert "esd_um" not in particles[index][0].measures
        assert "transparency" not in particles[index][0].measures
        assert "abd_um" in particles[index][0].measures


def test_what_the_filters_say_is_kept_apart(tmp_path):
    run = write_small_run(tmp_path / "run")
    said = {opinion.index: opinion for opinion in read_opinions(tmp_path / "run")}
    assert {index: opinion.label for index, opinion in said.items()} == {
        true.index: true.kind for true in run.particles()
    }
    assert {(opinion.source, opinion.is_validated) for opinion in said.values()} == {("filter", False)}


def test_no_name_path_or_serial_number_comes_out(tmp_path):
    write_small_run(tmp_path / "run")
    written = b"".join(path.read_bytes() for path in (tmp_path / "run").iterdir())
    told = repr((read(tmp_path / "run"), survey(tmp_path / "run"), read_opinions(tmp_path / "run")))
    for secret in SECRETS:
        assert secret.encode() in written
        assert secret not in told


def test_a_triggered_run_is_counted_in_what_went_through(tmp_path):
    run = write_small_run(tmp_path / "run", mode="trigger")
    facts = read(tmp_path / "run")[0]
    assert facts.mode == "trigger"
    assert facts.counted_ml == pytest.approx(run.plan.processed_ml, rel=1e-3)
    (tmp_path / "run" / "run_summary.csv").unlink()
    (tmp_path / "run" / "run_run_summary.txt").unlink()
    assert read(tmp_path / "run")[0].counted_ml == pytest.approx(run.plan.processed_ml, rel=1e-3)


def test_a_run_cut_short_is_counted_in_the_frames_it_took(tmp_path):
    whole = write_small_run(tmp_path / "run", frames=800).plan
    short = write_small_run(tmp_path / "short" / "run", frames=80).plan
    facts = read(tmp_path / "short" / "run")[0]
    assert facts.frames == 80
    assert facts.counted_ml == pytest.approx(short.imaged_ml, rel=1e-9)
    assert facts.counted_ml == pytest.approx(whole.imaged_ml / 10, rel=1e-3)


def test_a_volume_that_a_person_typed_is_not_computed(tmp_path):
    write_small_run(tmp_path / "run")
    path = tmp_path / "run" / "run.ctx"
    path.write_text(path.read_text().replace("UseManualVolume=0", "UseManualVolume=1"))
    facts = read(tmp_path / "run")[0]
    assert (facts.volume.source, facts.notes) == ("declared", ("manual_volume",))


def test_where_geometry_and_summary_disagree_the_summary_counts_and_it_is_said(tmp_path):
    write_small_run(tmp_path / "run")
    path = tmp_path / "run" / "run.ctx"
    path.write_text(path.read_text().replace("FlowCellDepth=100", "FlowCellDepth=300"))
    facts = read(tmp_path / "run")[0]
    assert (facts.volume.source, facts.notes) == ("declared", ("volumes_differ",))
    assert round(facts.to_concentration(30)) == facts.declared.particles_per_ml


def test_a_list_of_other_length_than_the_count_is_noted(tmp_path):
    write_small_run(tmp_path / "run")
    edit_rows(tmp_path / "run", lambda rows, _: rows[20:])
    facts, particles, _ = read(tmp_path / "run")
    assert (len(particles), facts.notes) == (10, ("count_differs",))


def test_a_dilution_that_the_instrument_does_not_count_with_is_not_told(tmp_path):
    write_small_run(tmp_path / "run", dilution=10.0)
    assert read(tmp_path / "run")[0].dilution == 10
    path = tmp_path / "run" / "run.ctx"
    path.write_text(path.read_text().replace("UseDilutionCalculation=1", "UseDilutionCalculation=0"))
    assert read(tmp_path / "run")[0].dilution is None


def test_a_run_is_known_by_its_content_whatever_its_files_are_called(tmp_path):
    run = write_small_run(tmp_path / "run")
    for ending, other in ((".lst", ".dat"), (".ctx", ".txt"), ("_summary.csv", ".bak")):
        (tmp_path / "run" / f"run{ending}").rename(tmp_path / "run" / f"run{other}")
    _, particles, _ = read(tmp_path / "run")
    assert_planted(run, particles)


def test_a_list_may_name_the_folder_and_the_case_of_another_computer(tmp_path):
    run = write_small_run(tmp_path / "run")

    def move(rows, columns):
        place = columns.index("collage_file")
        for row in rows:
            row[place] = f"D:\\runs\\2024\\{row[place].upper()}"
        return rows

    edit_rows(tmp_path / "run", move)
    assert_planted(run, read(tmp_path / "run")[1])


def test_a_run_without_particles_is_complete_and_empty(tmp_path):
    write_small_run(tmp_path / "run", particles=0)
    facts, particles, unread = read(tmp_path / "run")
    assert (particles, unread) == ({}, {})
    assert facts.to_concentration(0) == 0
    assert survey(tmp_path / "run").is_complete


def test_a_last_row_without_a_line_end_is_whole_when_its_id_is(tmp_path):
    write_small_run(tmp_path / "run")
    path = list_path(tmp_path / "run")
    path.write_text(path.read_text().rstrip("\n"))
    assert survey(tmp_path / "run").is_complete
    path.write_text(path.read_text()[:-1])
    assert not survey(tmp_path / "run").is_complete


def test_memory_does_not_grow_with_the_run(tmp_path):
    peaks = []
    for particles in (1_400, 7_000):
        folder = tmp_path / str(particles)
        write_small_run(folder, particles=particles)
        with open_files(folder) as files:
            run = find_reader(files, make_readers()).open(files)
            tracemalloc.start()
            count = sum(1 for _ in run.particles())
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert count == particles
    assert peaks[1] < 1.2 * peaks[0]
    assert peaks[1] < 40 << 20
