"""Every frame of a clip gets its number, its time and its fate."""

from __future__ import annotations

from fractions import Fraction

import pytest

from schemas.errors import RejectedInput
from streams.feeds.decoding.clip.reel import Reel, Shot
from streams.feeds.decoding.limits import EVERY_IMAGE, Limits, every_nth, every_seconds

MILLI = Fraction(1, 1000)


def make_reel(sampling=EVERY_IMAGE, limits=None, **options):
    return Reel(sampling, limits or Limits(), options.pop("time_base", MILLI), **options)


def place(reel, pts, *, corrupt=False, key=False):
    """Place the next frame."""
    return reel.place(Shot(pts, corrupt, key), reel.handed_over)


def test_time_is_counted_from_the_first_frame():
    reel = make_reel()
    assert [place(reel, pts).offset_s for pts in (500, 540, 1500)] == [0.0, 0.04, 1.0]


def test_the_containers_start_counts_where_the_first_frames_are_missing():
    assert place(make_reel(start_pts=100), 500).offset_s == 0.4


def test_a_start_after_the_first_frame_is_not_believed():
    assert place(make_reel(start_pts=900), 500).offset_s == 0.0


def test_a_frame_that_does_not_advance_is_flagged():
    reel = make_reel()
    places = [place(reel, pts) for pts in (0, 40, 40, 20, 80)]
    assert [place.flags for place in places] == [(), (), ("clock_skewed",), ("clock_skewed",), ()]


def test_without_time_stamps_the_declared_rate_counts_and_that_is_said():
    reel = make_reel(rate_hz=Fraction(25))
    places = [place(reel, None) for _ in range(3)]
    assert [(place.offset_s, place.flags) for place in places] == [
        (0.0, ("time_estimated",)),
        (0.04, ("time_estimated",)),
        (0.08, ("time_estimated",)),
    ]


def test_without_time_stamps_and_rate_there_is_no_clock():
    with pytest.raises(RejectedInput) as caught:
        place(make_reel(), None)
    assert caught.value.reason == "no_clock"


def test_a_time_beyond_any_clip_is_absurd():
    reel = make_reel(time_base=Fraction(3600))
    place(reel, 0)
    with pytest.raises(RejectedInput) as caught:
        place(reel, 10_000)
    assert caught.value.reason == "absurd_time_base"


def test_a_clip_with_too_many_frames_is_too_long():
    reel = make_reel(limits=Limits(clip_images=2))
    place(reel, 0)
    place(reel, 1)
    with pytest.raises(RejectedInput) as caught:
        place(reel, 2)
    assert caught.value.reason == "too_long"


def take(reel, times, **options):
    return [index for index, pts in enumerate(times) if reel.take(place(reel, pts, **options), is_readable=True)]


def test_every_nth_frame_is_taken():
    reel = make_reel(every_nth(3))
    assert take(reel, range(8)) == [0, 3, 6]
    assert (reel.looked, reel.passed_over) == (3, 5)


def test_the_first_frame_of_each_period_is_taken_however_uneven_the_frames():
    reel = make_reel(every_seconds(0.5))
    assert take(reel, [0, 100, 499, 500, 1600, 1700, 2000]) == [0, 3, 4, 6]


def test_tenths_of_a_second_do_not_slip():
    assert take(make_reel(every_seconds(0.1)), range(0, 1000, 100)) == list(range(10))


def test_frames_after_damage_are_doubtful_until_the_next_key_frame():
    reel = make_reel()
    kinds = [{"key": True}, {"corrupt": True}, {}, {}, {"key": True}, {}]
    flags = [place(reel, pts, **kind).flags for pts, kind in enumerate(kinds)]
    assert flags == [(), (), ("corrupt",), ("corrupt",), (), ()]


def test_frames_after_a_gap_are_doubtful_until_the_next_key_frame():
    reel = make_reel()
    place(reel, 0, key=True)
    assert reel.place(Shot(2, is_corrupt=False, is_key=False), 2, is_after_gap=True).flags == ("corrupt",)
    assert reel.place(Shot(3, is_corrupt=False, is_key=False), 3).flags == ("corrupt",)
    assert reel.place(Shot(4, is_corrupt=False, is_key=True), 4).flags == ()


def test_a_key_frame_after_a_gap_is_not_doubtful():
    reel = make_reel()
    assert reel.place(Shot(9, is_corrupt=False, is_key=True), 9, is_after_gap=True).flags == ()


def test_a_lost_frame_that_the_sampling_leaves_out_is_passed_over_and_the_damage_is_still_said():
    reel = make_reel(every_nth(2))
    reel.take(place(reel, 0), is_readable=True)
    assert not reel.lose("corrupt", 1, 1)
    assert reel.lose("corrupt", 2, 2)
    assert (reel.passed_over, reel.missed, reel.damage) == (1, 1, "corrupt")


def test_the_gravest_damage_is_named():
    reel = make_reel()
    for reason in ("corrupt", "truncated"):
        reel.spoil(reason)
    assert reel.damage == "truncated"


def test_the_ending_says_how_far_the_clip_went():
    reel = make_reel()
    take(reel, [0, 40, 80])
    ending = reel.end()
    assert (ending.broken, ending.looked_until_s, ending.passed_over) == ("", 0.08, 0)
    assert ending.duration_s == pytest.approx(0.12)


def test_a_gap_before_the_last_frame_does_not_lengthen_the_clip():
    reel = make_reel(rate_hz=Fraction(25))
    take(reel, [0, 40, 1000])
    assert reel.end().duration_s == pytest.approx(1.04)


def test_a_clip_of_one_frame_lasts_as_long_as_its_frame():
    reel = make_reel()
    reel.take(reel.place(Shot(0, is_corrupt=False, is_key=True, shown_pts=250), 0), is_readable=True)
    assert reel.end().duration_s == 0.25


@pytest.mark.parametrize(
    ("damage", "encrypted", "reason"),
    [
        ("", False, "no_frames"),
        ("", True, "encrypted"),
        ("truncated", False, "truncated_video"),
        ("corrupt", False, "corrupt_video"),
    ],
)
def test_a_clip_without_one_readable_frame_is_refused_for_its_reason(damage, encrypted, reason):
    reel = make_reel()
    if damage:
        reel.lose(damage, 0, 0)
    with pytest.raises(RejectedInput) as caught:
        reel.refuse_nothing(is_encrypted=encrypted)
    assert caught.value.reason == reason
