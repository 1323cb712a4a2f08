"""Whatever is done to the bytes of a run, it is refused with a reason or read; nothing else ever happens."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import RejectedInput
from schemas.finding import UnreadImage
from streams.feeds.runs.registry import find_reader, make_readers, open_files
from tests.streams.feeds.runs.test_ecotaxa import write_export
from tests.support.runs import write_pictures, write_small_run, zip_folder

PARTICLES = 12


def write_flowcam(folder):
    write_small_run(folder, particles=PARTICLES, edges=True, table=True)


def write_cutouts(folder):
    write_pictures(folder, ["a/1.png", "a/2.png", "b/3.png"])
    write_pictures(folder, ["b/4.jpg"], "JPEG")
    write_pictures(folder, ["b/5.gif", "b/6.bmp"], "BMP")


WRITERS = {"flowcam": write_flowcam, "ecotaxa": write_export, "pictures": write_cutouts}


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """Return a folder and a zip of each kind."""
    home = tmp_path_factory.mktemp("originals")
    for kind, write in WRITERS.items():
        write(home / kind)
        zip_folder(home / kind, home / f"{kind}.zip")
    return home


def cut(data, place, _):
    return data[:place]


def overwrite(data, place, noise):
    return data[:place] + noise + data[place + len(noise) :]


def insert(data, place, noise):
    return data[:place] + noise + data[place:]


def repeat(data, place, _):
    return data + data[place:]


damages = st.lists(
    st.tuples(
        st.integers(0, 99),
        st.sampled_from([cut, overwrite, insert, repeat]),
        st.floats(0, 1, exclude_max=True),
        st.one_of(
            st.binary(min_size=1, max_size=12),
            st.sampled_from(
                [b"\n", b"|", b"\t", b'"', b"\0", b"-1", b"99999999999", b"nan", b"1e999", b"\xff\xfe", b"../"]
            ),
        ),
    ),
    min_size=1,
    max_size=3,
)


def spoil(path, damage):
    """Damage one file of a folder, or the zip."""
    number, change, share, noise = damage
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    file = files[number % len(files)]
    data = file.read_bytes()
    file.write_bytes(change(data, int(share * len(data)), noise))


def read_all(path):
    """Return why a run is refused, or the indices of its particles, read and unread; everything that can be asked is asked."""
    try:
        with open_files(path) as files:
            reader = find_reader(files, make_readers())
            survey = reader.survey(files)
            run = reader.open(files)
            assert survey.is_complete
            indices = []
            for entry in run.particles():
                if not isinstance(entry, UnreadImage):
                    entry.to_image().to_canonical()
                    assert entry.pixels.ndim == 3
                    assert entry.mask is None or entry.mask.shape == entry.pixels.shape[:2]
                indices.append(entry.index)
            repr(run.facts.to_concentration(1))
            list(run.opinions())
            return indices
    except RejectedInput as rejection:
        return rejection


@pytest.mark.parametrize("form", ["folder", "zip"])
@pytest.mark.parametrize("kind", WRITERS)
def test_a_damaged_run_is_refused_with_a_reason_or_read_and_no_particle_comes_twice(originals, kind, form):
    original = originals / (kind if form == "folder" else f"{kind}.zip")

    @settings(max_examples=80, deadline=None)
    @given(damages)
    def damage_and_read(several):
        with tempfile.TemporaryDirectory() as home:
            path = Path(home) / original.name
            shutil.copytree(original, path) if form == "folder" else shutil.copy(original, path)
            for damage in several:
                spoil(path, damage)
            found = read_all(path)
            if isinstance(found, RejectedInput):
                assert home not in found.sentence
            else:
                assert len(set(found)) == len(found)

    damage_and_read()


@pytest.mark.parametrize("kind", WRITERS)
def test_an_undamaged_run_is_read_whole(originals, kind):
    whole = {"flowcam": PARTICLES, "ecotaxa": 4, "pictures": 6}[kind]
    assert len(read_all(originals / kind)) == len(read_all(originals / f"{kind}.zip")) == whole
