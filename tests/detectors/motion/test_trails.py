"""How things are followed from view to view."""

from __future__ import annotations

from detectors.motion.blobs import Blob
from detectors.motion.trails import Trails


def blob(x, y, *, wide=20, high=10):
    return Blob((x, y, x + wide, y + high), wide * high, 20.0)


def test_a_thing_that_swims_stays_the_same():
    trails = Trails()
    first, *_ = trails.follow((blob(10, 10),))
    for step in range(1, 8):
        (same,) = trails.follow((blob(10 + 9 * step, 10 + step),))
        assert same is first
    assert first.seen == 8


def test_two_that_cross_keep_their_ways():
    trails = Trails()
    right, left = trails.follow((blob(0, 50), blob(100, 54)))
    for step in range(1, 11):
        swimming = trails.follow((blob(10 * step, 50), blob(100 - 10 * step, 54)))
        assert swimming == (right, left)


def test_one_that_hides_for_a_moment_is_known_again():
    trails = Trails()
    (fish,) = trails.follow((blob(10, 10),))
    trails.follow((blob(18, 10),))
    trails.follow(())
    (again,) = trails.follow((blob(34, 10),))
    assert again is fish


def test_one_that_was_gone_for_long_is_another():
    trails = Trails()
    (fish,) = trails.follow((blob(10, 10),))
    for _ in range(4):
        trails.follow(())
    (other,) = trails.follow((blob(10, 10),))
    assert other is not fish


def test_what_appears_far_away_is_another():
    trails = Trails()
    (fish,) = trails.follow((blob(10, 10),))
    (other,) = trails.follow((blob(200, 10),))
    assert other is not fish


def test_what_is_suddenly_much_larger_is_another():
    trails = Trails()
    (fish,) = trails.follow((blob(10, 10),))
    (other,) = trails.follow((blob(5, 0, wide=60, high=40),))
    assert other is not fish
