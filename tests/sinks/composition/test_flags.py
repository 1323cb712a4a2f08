"""Bubbles, beads and stuck particles are kept apart, and shown with and without."""

from __future__ import annotations

import csv

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.composition.composition import compose
from sinks.composition.flags import FlagRules, SphereRule, find_flags
from sinks.composition.repeats import RepeatRule, Sighting, find_repeats, make_signature
from sinks.composition.tally import tally_particles
from sinks.composition.volumes import RunVolumes, find_volume
from tests.sinks.composition.builders import make_particle, make_rules


@pytest.mark.parametrize("label", ["Bubbles", "bubble", "Air_bubble", "air-bubbles"])
def test_a_label_that_says_bubble_is_flagged(label):
    assert find_flags(make_particle(1, label), FlagRules()) == ("bubble",)


def test_other_labels_and_flags_keep_nothing_out():
    assert find_flags(make_particle(1, "Bubble_coral", flags=("edge", "unread")), FlagRules()) == ()


def test_beads_are_known_by_size_and_roundness_only_where_somebody_says_which_beads_there_are():
    bead = make_particle(1, None, measures={"esd_um": 50.4, "circularity": 0.97})
    rules = FlagRules(spheres=(SphereRule("bead", 49, 51, 0.95),))
    assert find_flags(bead, FlagRules()) == ()
    assert find_flags(bead, rules) == ("bead",)
    assert find_flags(make_particle(2, None, measures={"esd_um": 50.4, "circularity": 0.9}), rules) == ()
    assert find_flags(make_particle(3, None, measures={"esd_um": 52.0, "circularity": 0.97}), rules) == ()
    assert find_flags(make_particle(4, None, measures={"esd_um": 50.4}), rules) == ()


@pytest.mark.parametrize("window", [(0, 5), (5, 4), (float("nan"), 5)])
def test_a_window_that_nothing_fits_is_refused(window):
    with pytest.raises(ValueError, match="sphere"):
        SphereRule("bead", *window)


def test_the_concentration_is_there_with_and_without_the_flagged_ones():
    run = [make_particle(1), make_particle(2), make_particle(3, flags=("repeated",)), make_particle(4, "Bubbles")]
    found = compose("s", tally_particles(run, make_rules()), find_volume(RunVolumes("auto_image", 1.0)))
    assert (found.every.per_l, found.counted.per_l, found.flagged.per_l) == (4000, 2000, 2000)
    assert found.by_flag == (("repeated", 1), ("bubble", 1), ("bead", 0))
    taxon = found.lines[0]
    assert (taxon.estimate.per_l, taxon.with_flagged.per_l, taxon.flagged) == (2000, 3000, 1)


# --- stuck particles


def draw_blob(seed: int, *, noise: int = 0, height_px: int = 24, width_px: int = 26) -> np.ndarray:
    """Return a grey picture of a blob that is the same for one seed, with noise of its own on top."""
    shape = np.random.default_rng(seed)
    coarse = shape.integers(0, 255, (5, 5)).astype(np.uint8)
    picture = cv2.resize(coarse, (width_px, height_px), interpolation=cv2.INTER_LINEAR).astype(int)
    grain = np.random.default_rng(1000 * seed + noise).integers(-12, 13, picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


def see(index, frame, place, picture):
    x_px, y_px = place
    height_px, width_px = picture.shape[:2]
    return Sighting(index, frame, x_px, y_px, width_px, height_px, make_signature(picture))


def stick(first=1, frames=(3, 9, 30, 31), place=(200, 300)):
    return [see(first + n, frame, place, draw_blob(7, noise=n)) for n, frame in enumerate(frames)]


def test_all_but_the_first_sighting_of_a_stuck_particle_are_repeats():
    passing = [see(100 + n, n, (40 * n, 25 * n), draw_blob(50 + n)) for n in range(20)]
    assert find_repeats([*stick(), *passing]) == {2, 3, 4}


def test_two_sightings_may_be_chance_and_are_both_kept():
    assert find_repeats(stick(frames=(3, 9))) == frozenset()
    assert find_repeats(stick(frames=(3, 9)), RepeatRule(frames=2)) == {2}


def test_different_particles_at_one_place_are_kept():
    assert find_repeats([see(n, n, (200, 300), draw_blob(n)) for n in range(1, 9)]) == frozenset()


def test_like_particles_at_different_places_are_kept():
    assert find_repeats([see(n, n, (50 * n, 300), draw_blob(7, noise=n)) for n in range(1, 9)]) == frozenset()


def test_like_particles_of_one_frame_are_neighbours_and_kept():
    assert find_repeats([see(n, 5, (200 + n, 300), draw_blob(7, noise=n)) for n in range(1, 4)]) == frozenset()


def test_particles_of_very_different_size_are_not_one_thing():
    sizes = [(24, 26), (24, 60), (60, 26)]
    seen = [
        see(n, n, (200 - wide / 2, 300 - high / 2), draw_blob(7, noise=n, height_px=high, width_px=wide))
        for n, (high, wide) in enumerate(sizes, 1)
    ]
    assert find_repeats(seen) == frozenset()


def test_a_particle_without_a_picture_is_never_called_stuck():
    assert find_repeats([Sighting(n, n, 200, 300, 24, 26, None) for n in range(1, 9)]) == frozenset()
    assert find_repeats([]) == frozenset()


def test_pictures_of_one_grey_are_like_no_other():
    flat = np.full((20, 20), 90, np.uint8)
    assert find_repeats([see(n, n, (200, 300), flat) for n in range(1, 9)]) == frozenset()


def test_colour_is_seen_as_grey_and_tiny_pictures_are_seen_too():
    colour = np.repeat(draw_blob(7)[..., None], 3, axis=2)
    seen, grey = (np.frombuffer(make_signature(picture), np.uint8).astype(int) for picture in (colour, draw_blob(7)))
    assert np.abs(seen - grey).max() <= 1
    assert make_signature(np.array([[200]], np.uint8)) == bytes([200]) * 144


@given(st.randoms())
def test_the_order_of_sightings_never_matters(luck):
    seen = [*stick(), *stick(first=20, place=(600, 80), frames=(1, 2, 3))]
    luck.shuffle(seen)
    assert find_repeats(seen) == {2, 3, 4, 21, 22}


def test_a_scratch_in_every_frame_is_one_particle():
    assert len(find_repeats(stick(frames=tuple(range(1, 3001))))) == 2999


def read_sightings(folder):
    """Read the list and the collages of a real run, as plainly as can be."""
    (table,) = folder.glob("*.lst")
    lines = table.read_text(encoding="latin-1").splitlines()
    width = int(lines[1].split("|")[1])
    columns = [line.split("|")[0] for line in lines[2 : 2 + width]]
    collages = {path.name: cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in folder.glob("*_0*.tif")}
    for row in csv.DictReader(lines[2 + width :], columns, delimiter="|"):
        left, top, wide, high = (int(row[name]) for name in ("image_x", "image_y", "image_w", "image_h"))
        picture = collages[row["collage_file"]][top : top + high, left : left + wide]
        place = (int(row["src_x"]), int(row["src_y"]))
        yield see(int(row["id"]), int(row["src_image"]), place, picture)


@pytest.mark.parametrize(("name", "repeats"), [("3LB", 20), ("NITRATE", 12), ("sulfate", 14)])
def test_the_real_runs_have_a_few_stuck_particles_each(name, repeats, real_data):
    (folder,) = (real_data / "plankton/flowcam_runs").glob(f"*{name}*")
    seen = list(read_sightings(folder))
    assert len(seen) == 1000
    found = find_repeats(seen)
    assert len(found) == repeats
    # the same particles at places of others: nothing is left, so it is the place that betrays them
    moved = [
        Sighting(a.index, a.frame, b.x_px, b.y_px, a.width_px, a.height_px, a.signature)
        for a, b in zip(seen, seen[500:] + seen[:500], strict=True)
    ]
    assert len(find_repeats(moved)) <= 1
