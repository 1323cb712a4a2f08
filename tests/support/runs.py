"""Runs on disk, whole and spoilt, and short ways to read them."""

from __future__ import annotations

import zipfile

import numpy as np

from schemas.finding import UnreadImage
from streams.demo.flowcam.run import RunPlan, write_run
from streams.feeds.runs.registry import find_reader, make_readers, open_files
from tests.support.media import encode

#: Enough particles for two collages.
TWO_COLLAGES = 700


def write_small_run(folder, **plan):
    """Write a run of 30 particles in one collage, or what the plan says, and return it."""
    return write_run(RunPlan(**{"particles": 30, "name": "run", **plan}), folder)


def survey(path, readers=None):
    """Return the survey of a folder or zip."""
    with open_files(path) as files:
        return find_reader(files, readers or make_readers()).survey(files)


def read(path, readers=None):
    """Return facts, particles with pixels of their own, and unread images by index."""
    with open_files(path) as files:
        run = find_reader(files, readers or make_readers()).open(files)
        particles, unread = {}, {}
        for entry in run.particles():
            if isinstance(entry, UnreadImage):
                assert entry.index not in unread
                unread[entry.index] = entry.reason
            else:
                assert entry.index not in particles
                mask = None if entry.mask is None else entry.mask.copy()
                particles[entry.index] = (entry, entry.pixels.copy(), mask)
        return run.facts, particles, unread


def read_opinions(path):
    """Return what was said of the particles by others."""
    with open_files(path) as files:
        return list(find_reader(files, make_readers()).open(files).opinions())


def list_path(folder):
    """Return the one list of a run."""
    (path,) = folder.glob("*.lst")
    return path


def edit_rows(folder, change):
    """Replace the rows of a list by what ``change(rows, columns)`` makes of them; each row is a list of fields."""
    path = list_path(folder)
    lines = path.read_text().splitlines()
    count = int(lines[1].split("|")[1])
    columns = [line.split("|")[0] for line in lines[2 : 2 + count]]
    rows = change([line.split("|") for line in lines[2 + count :]], columns)
    path.write_text("\n".join([*lines[: 2 + count], *("|".join(row) for row in rows)]) + "\n")


def edit_field(folder, index, column, value):
    """Write something else into one field of the particle ``index``."""

    def change(rows, columns):
        for row in rows:
            if row[columns.index("id")] == str(index):
                row[columns.index(column)] = value
        return rows

    edit_rows(folder, change)


def make_picture(seed=0, width_px=20, height_px=16, *, grey=False):
    """Return pixels that are like no others: uint8 (height, width, 3), or (height, width) where grey."""
    shape = (height_px, width_px) if grey else (height_px, width_px, 3)
    return np.random.default_rng(seed).integers(0, 255, shape, dtype=np.uint8)


def write_pictures(folder, names, form="PNG"):
    """Write a picture under each name, each of its own seed."""
    for seed, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(make_picture(seed), form))


def zip_folder(folder, path, prefix=""):
    """Pack a folder as a person would, and return the zip's path."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, prefix + file.relative_to(folder).as_posix())
    return path


def cut(path, size_bytes=None):
    """Leave only the first bytes of a file: all but the last nine, unless told."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - 9 if size_bytes is None else size_bytes])


def replace_text(path, old, new):
    """Replace a text that is in a file."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
