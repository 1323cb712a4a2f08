"""The day that the generated camera leaves in a folder."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import json
import re

import av
import numpy as np
import pytest

from schemas.errors import FatalFault, ObservatoryError
from streams.demo import clip
from streams.demo.recording import make_camera
from streams.feeds.decoding.pool import DecodingPool

SIZE = {"width_px": 192, "height_px": 144}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("camera")


@pytest.fixture(scope="module")
def truth(folder):
    return make_camera(folder, seed=7, **SIZE)


@pytest.fixture(scope="module")
def pool():
    with DecodingPool(size=1) as opened:
        yield opened


def digest(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_the_folder_holds_what_the_truth_names_and_nothing_else(folder, truth):
    assert sorted(path.name for path in folder.iterdir()) == list(truth.names)
    assert len(truth.stills) == 24
    assert len(truth.names) == 27


def test_file_names_say_when_the_picture_was_taken(truth):
    for shot in truth.stills:
        stamp = re.fullmatch(r"(\d{8}-\d{6})-DEMO\.jpg", shot.name)
        assert dt.datetime.strptime(stamp[1], "%Y%m%d-%H%M%S").replace(tzinfo=dt.UTC) == shot.captured_at


def test_the_day_has_a_gap_and_a_night(truth):
    times = [shot.captured_at for shot in truth.stills]
    pauses = [after - before for before, after in itertools.pairwise(times)]
    assert sum(pause > dt.timedelta(hours=1) for pause in pauses) == 2
    assert truth.stills[-1].daylight == 0
    assert all(shot.daylight > 0.1 for shot in truth.stills[:-1])


def test_some_scenes_are_empty_and_most_are_not(truth):
    empty = sum(not shot.animals for shot in truth.stills)
    assert 3 <= empty <= 10


def test_every_good_still_opens_at_its_size(folder, truth, pool):
    for shot in truth.stills[:4]:
        with pool.open_unit(folder / shot.name) as unit:
            (view,) = list(unit.views)
        assert (view.image.width_px, view.image.height_px) == (truth.width_px, truth.height_px)


def test_the_clip_has_the_frames_of_the_truth(folder, truth, pool):
    with pool.open_unit(folder / truth.clip, part="clip") as unit:
        offsets_s = [view.image.offset_s for view in unit.views]
    assert offsets_s == [shot.offset_s for shot in truth.frames]
    assert len(offsets_s) == 80


def test_the_clip_says_when_it_was_recorded(folder, truth):
    with av.open(str(folder / truth.clip)) as container:
        assert container.metadata["creation_time"] == "2024-06-12T10:10:00.000000Z"
        assert container.streams.video[0].codec_context.name == "h264"


def test_animals_keep_their_numbers_through_the_clip(truth):
    labels = {}
    for shot in truth.frames:
        for animal in shot.animals:
            assert labels.setdefault(animal.number, animal.label) == animal.label
    assert labels


def test_one_file_is_cut_off(folder, truth):
    (odd,) = [odd for odd in truth.oddities if odd.kind == "corrupt"]
    data = (folder / odd.name).read_bytes()
    assert data.startswith(b"\xff\xd8")
    assert not data.endswith(b"\xff\xd9")


def test_the_cut_off_file_is_refused_as_such(folder, truth, pool):
    (odd,) = [odd for odd in truth.oddities if odd.kind == "corrupt"]
    with pytest.raises(ObservatoryError) as caught, pool.open_unit(folder / odd.name) as unit:
        list(unit.views)
    assert caught.value.reason == "truncated_picture"


def test_one_file_repeats_another_under_a_second_name(folder, truth):
    (odd,) = [odd for odd in truth.oddities if odd.kind == "duplicate"]
    assert odd.name != odd.of
    assert odd.name[:15] == odd.of[:15]
    assert (folder / odd.name).read_bytes() == (folder / odd.of).read_bytes()


def test_the_same_seed_leaves_the_same_bytes_however_many_threads_render(folder, truth, tmp_path):
    again = make_camera(tmp_path / "again", seed=7, threads=1, **SIZE)
    assert again == truth
    assert digest(tmp_path / "again") == digest(folder)


def test_another_seed_leaves_another_day(truth, tmp_path):
    other = make_camera(tmp_path / "other", seed=8, **SIZE)
    assert other.names == truth.names
    assert other.stills != truth.stills


def test_the_truth_can_be_written_down(truth):
    plain = json.loads(truth.to_json())
    assert [shot["name"] for shot in plain["stills"]] == [shot.name for shot in truth.stills]
    assert plain["stills"][0]["captured_at"] == "2024-06-12T06:00:00.000Z"
    found = [animal["box"] for shot in plain["stills"] for animal in shot["animals"]]
    assert found == [list(animal.box) for shot in truth.stills for animal in shot.animals]


# --- the door to the clip's encoder ---


def list_av_exceptions():
    found = [getattr(av.error, name) for name in dir(av.error)]
    return sorted(
        {kind for kind in found if isinstance(kind, type) and issubclass(kind, av.error.FFmpegError)}, key=str
    )


def test_there_are_vendor_exceptions_to_look_at():
    assert len(list_av_exceptions()) > 20


@pytest.mark.parametrize("kind", list_av_exceptions())
def test_a_clip_that_cannot_be_written_is_a_fatal_fault(kind):
    with pytest.raises(FatalFault, match="could not be written") as caught, clip.translate():
        raise kind(1, "boom")
    assert isinstance(caught.value.__cause__, av.error.FFmpegError)


def test_a_folder_that_is_not_there_is_a_fatal_fault(tmp_path):
    started_at = dt.datetime(2024, 6, 12, tzinfo=dt.UTC)
    with pytest.raises(FatalFault):
        clip.write_clip(
            tmp_path / "nowhere" / "x.mp4", [np.zeros((64, 64, 3), np.uint8)], per_second=10, started_at=started_at
        )
