"""Frames are numbered by their place in time, and those that never come are missed under their own number."""

from __future__ import annotations

import random

import pytest

from streams.feeds.decoding.clip.roll import Roll


def call(packets, coming, *, is_strict=True):
    """Announce (pts, options), then let frames come; return their numbers and the missing ones."""
    roll = Roll(is_strict)
    for pts, options in packets:
        roll.announce(pts, **options)
    numbers = [roll.call(pts)[0] for pts in coming]
    return numbers, [(frame.index, frame.reason) for frame in roll.find_missing(is_over=True)]


def every(*times):
    return [(pts, {}) for pts in times]


def test_frames_are_numbered_in_the_order_shown():
    assert call(every(0, 3, 1, 2), [0, 1, 2, 3]) == ([0, 1, 2, 3], [])


def test_a_frame_that_does_not_come_keeps_its_number():
    assert call(every(0, 3, 1, 2), [0, 2, 3]) == ([0, 2, 3], [(1, "")])


def test_a_frame_after_a_gap_is_told_so():
    roll = Roll()
    for pts in (0, 1, 2):
        roll.announce(pts)
    assert [roll.call(0), roll.call(2)] == [(0, False), (2, True)]


def test_where_a_packet_need_not_be_a_frame_none_is_missed_or_numbered():
    assert call(every(0, 1, 2), [0, 2], is_strict=False) == ([0, 1], [])


def test_a_frame_known_to_be_lost_is_missed_in_every_format():
    packets = [(0, {}), (1, {"reason": "truncated"}), (2, {})]
    assert call(packets, [0, 2], is_strict=False) == ([0, 2], [(1, "truncated")])


def test_a_packet_that_fails_while_decoding_is_missed_with_its_reason():
    roll = Roll()
    roll.announce(0)
    roll.forget(0, "corrupt")
    roll.announce(1)
    assert roll.call(1) == (1, True)
    assert [(frame.index, frame.reason) for frame in roll.find_missing(is_over=True)] == [(0, "corrupt")]


def test_frames_that_are_not_wanted_take_a_number_and_are_not_missed():
    # an open group of pictures, only key frames wanted: stored 0 3 1 2 6 4 5
    packets = [(pts, {"is_wanted": pts in {0, 6}}) for pts in (0, 3, 1, 2, 6, 4, 5)]
    assert call(packets, [0, 6]) == ([0, 6], [])


def test_without_time_stamps_frames_are_numbered_as_they_come():
    assert call(every(None, None, None), [None, None, None]) == ([0, 1, 2], [])


def test_without_time_stamps_a_lost_frame_takes_its_number_at_once():
    roll = Roll()
    roll.announce(None)
    assert roll.call(None) == (0, False)
    roll.announce(None, reason="corrupt")
    roll.announce(None)
    assert roll.call(None) == (2, False)
    assert [frame.index for frame in roll.find_missing(is_over=True)] == [1]


def test_a_frame_under_a_time_stamp_of_the_decoders_own_is_the_oldest_one():
    assert call(every(0, 10, 20), [0, 11, 20]) == ([0, 1, 2], [])


def test_mixed_up_time_stamps_miss_nothing():
    assert call(every(0, 1, 2, 3), [0, 2, 3, 1]) == ([0, 2, 3, 1], [])


def test_a_missing_frame_is_reported_while_the_clip_still_runs_and_only_once():
    roll, reported = Roll(), []
    for pts in range(200):
        roll.announce(pts)
        if pts != 7:
            roll.call(pts)
        reported += [frame.index for frame in roll.find_missing()]
    assert reported == [7]
    assert roll.find_missing(is_over=True) == []


@pytest.mark.parametrize("seed", range(20))
def test_any_clip_with_any_losses_has_each_number_once(seed):
    chance = random.Random(seed)
    roll, numbers = Roll(), []
    lost = {pts for pts in range(300) if chance.random() < 0.2}
    for group in range(0, 300, 4):
        for pts in (group, group + 3, group + 1, group + 2):
            roll.announce(pts)
        for pts in range(group, group + 4):
            if pts not in lost:
                assert roll.call(pts)[0] == pts
                numbers.append(pts)
        numbers += [frame.index for frame in roll.find_missing()]
    numbers += [frame.index for frame in roll.find_missing(is_over=True)]
    assert sorted(numbers) == list(range(300))
