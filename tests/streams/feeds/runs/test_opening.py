"""Runs through the processes that can be killed: the same particles, whatever happens to the process."""

from __future__ import annotations

import os
import signal
import sys

import numpy as np
import pytest

from schemas.errors import RejectedInput
from schemas.forms.quantities import to_measures
from schemas.sampling.run import RunRecord
from streams.feeds.decoding.limits import Limits
from streams.feeds.decoding.pool import DecodingPool
from streams.feeds.reading.opening import OPENER
from streams.feeds.runs.listing import write_listing
from tests.support.media import encode
from tests.support.runs import TWO_COLLAGES, edit_field, make_picture, read, write_pictures, write_small_run, zip_folder


@pytest.fixture(scope="module")
def pool():
    with DecodingPool(size=1, opener=OPENER) as made:
        yield made


@pytest.fixture
def list_files(tmp_path):
    """Return a way to hand a folder or a zip to the pool."""

    def make(path):
        listing = tmp_path / "listing.json"
        files = (
            {path.name: path}
            if path.is_file()
            else {file.relative_to(path).as_posix(): file for file in sorted(path.rglob("*")) if file.is_file()}
        )
        write_listing(listing, files, is_archive=path.is_file())
        return listing

    return make


def draw(opened):
    """Return what was handed over: pixels and measures by index."""
    return {view.image.index: (view.pixels.copy(), view.measures, view.image) for view in opened.views}


def check_same(drawn, unread, path):
    """Compare with what is read in this process."""
    _, particles, missed = read(path)
    assert {item.index: item.reason for item in unread} == missed
    assert list(drawn) == list(particles)
    for index, (pixels, measures, image) in drawn.items():
        particle, expected, _ = particles[index]
        assert np.array_equal(pixels, expected)
        assert measures == to_measures(particle.measures)
        assert image == particle.to_image()


@pytest.mark.parametrize("form", ["folder", "zip", "pictures"])
def test_the_particles_of_a_run_are_those_that_its_files_hold(tmp_path, pool, list_files, form):
    path = tmp_path / "run"
    if form == "pictures":
        write_pictures(path, [f"{number:03}.png" for number in range(150)])
    else:
        write_small_run(path, particles=TWO_COLLAGES)
        edit_field(path, 7, "image_w", "0")
        edit_field(path, 350, "image_x", "99999")
    if form == "zip":
        path = zip_folder(path, tmp_path / "run.zip")
    with pool.open_run(list_files(path)) as opened:
        check_same(draw(opened), opened.unread, path)
        assert opened.ending is not None


def test_a_picture_larger_than_a_pack_goes_through_among_small_ones(tmp_path, pool, list_files):
    path = tmp_path / "run"
    write_pictures(path, [f"{number:03}.png" for number in range(30)])
    for name in ("010.png", "011.png", "029.png"):
        (path / name).write_bytes(encode(make_picture(1, 900, 800), "PNG"))
    with pool.open_run(list_files(path)) as opened:
        check_same(draw(opened), opened.unread, path)


def test_a_run_says_what_it_is_and_which_file_is_which_part_before_any_pixel(tmp_path, pool, list_files):
    write_small_run(tmp_path / "run", name="sea-1")
    with pool.open_run(list_files(tmp_path / "run"), probe=True) as opened:
        record = RunRecord.model_validate(opened.header.run)
        assert (opened.header.kind, record.group, record.layout) == ("run", "sea-1", "visualspreadsheet")
        assert opened.roles["list"] == "sea-1.lst"
        assert opened.roles["collage.1"] == "sea-1_000001.tif"
        assert opened.roles["opinion.1"] == "sea-1.cla"


def test_what_the_instruments_filters_say_is_known_at_the_first_particle(tmp_path, pool, list_files):
    write_small_run(tmp_path / "run")
    with pool.open_run(list_files(tmp_path / "run")) as opened:
        assert next(iter(opened.views))
        assert {item["source"] for item in opened.said} == {"filter"}


def test_a_run_that_is_not_complete_is_refused_and_the_next_one_is_read(tmp_path, pool, list_files):
    write_small_run(tmp_path / "run")
    (tmp_path / "run" / "run_000001.tif").rename(tmp_path / "kept.tif")
    with pytest.raises(RejectedInput) as refused, pool.open_run(list_files(tmp_path / "run")):
        pass
    assert refused.value.reason == "no_collage"
    (tmp_path / "kept.tif").rename(tmp_path / "run" / "run_000001.tif")
    with pool.open_run(list_files(tmp_path / "run")) as opened:
        assert len(draw(opened)) == 30


def test_views_stay_valid_while_as_many_further_ones_are_drawn_as_a_detector_may(tmp_path, pool, list_files):
    path = tmp_path / "run"
    write_pictures(path, [f"{number:03}.png" for number in range(200)])
    _, particles, _ = read(path)
    with pool.open_run(list_files(path), depth=9) as opened:
        held = []
        for view in opened.views:
            held = [*held, view][-9:]
            assert np.array_equal(held[0].pixels, particles[held[0].image.index][1])


@pytest.mark.skipif(sys.platform == "win32", reason="kills by POSIX signals")
def test_a_process_killed_from_outside_in_the_middle_loses_and_repeats_no_particle(tmp_path, pool, list_files):
    path = tmp_path / "run"
    write_small_run(path, particles=TWO_COLLAGES)
    edit_field(path, 9, "image_w", "0")
    drawn = {}
    with pool.open_run(list_files(path)) as opened:
        for number, view in enumerate(opened.views):
            assert view.image.index not in drawn
            drawn[view.image.index] = (view.pixels.copy(), view.measures, view.image)
            if number == 100:
                (busy,) = pool._busy
                os.kill(busy.process.pid, signal.SIGKILL)
        check_same(drawn, opened.unread, path)
        said = [item["index"] for item in opened.said]
    assert len(said) == len(set(said))


def test_a_run_that_takes_longer_than_a_unit_may_is_set_aside_as_that(tmp_path, list_files):
    write_pictures(tmp_path / "run", [f"{number:03}.png" for number in range(2000)])
    limits = Limits(clip_wait_s=0.05)
    with (
        DecodingPool(size=1, opener=OPENER, limits=limits) as strict,
        pytest.raises(RejectedInput) as refused,
        strict.open_run(list_files(tmp_path / "run")) as opened,
    ):
        draw(opened)
    assert refused.value.reason == "deadline_exceeded"
