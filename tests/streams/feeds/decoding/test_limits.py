"""Limits and samplings that mean nothing are refused, and an order survives the way to the decoding process."""

from __future__ import annotations

import json

import pytest

from schemas.errors import FatalFault, RejectedInput
from streams.feeds.decoding.limits import KEY_FRAMES, Limits, Order, Sampling, every_nth, every_seconds


def test_an_order_comes_back_from_json_as_it_was():
    order = Order(Limits(memory_mib=7, clip_wait_s=1.5), every_seconds(0.5), probe=True, already=3)
    assert Order.from_plain(json.loads(json.dumps(order.to_plain()))) == order


@pytest.mark.parametrize("limits", [{"still_pixels": 0}, {"image_wait_s": float("nan")}, {"memory_mib": -1}])
def test_a_limit_that_nothing_could_meet_is_a_wrong_setting(limits):
    with pytest.raises(FatalFault, match=next(iter(limits))):
        Limits(**limits)


@pytest.mark.parametrize(
    "sampling", [{"every_n": 0}, {"every_s": -1.0}, {"every_s": float("inf")}, {"every_n": 2, "key_frames": True}]
)
def test_a_sampling_that_means_nothing_is_a_wrong_setting(sampling):
    with pytest.raises(FatalFault, match="Sampling"):
        Sampling(**sampling)


def test_samplings_have_names():
    assert (every_nth(5), every_seconds(2.0), KEY_FRAMES) == (
        Sampling(every_n=5),
        Sampling(every_s=2.0),
        Sampling(key_frames=True),
    )


def test_a_picture_over_a_limit_is_refused_with_its_size_and_the_limit():
    limits = Limits(still_pixels=100, frame_pixels=50, side_px=30)
    limits.check_still(10, 10)
    limits.check_frame(5, 10)
    for check, size in ((limits.check_still, (10, 11)), (limits.check_frame, (6, 10)), (limits.check_still, (31, 1))):
        with pytest.raises(RejectedInput, match=f"{size[0]} x {size[1]} pixels") as caught:
            check(*size)
        assert caught.value.reason == "too_many_pixels"
