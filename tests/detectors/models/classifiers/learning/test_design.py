"""The network's size, counted before anything is trained."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.models.classifiers.learning.design import SMALL_STAGES, STAGES, Design, Weights, choose_stages


def test_operations_are_those_counted_by_hand():
    assert Design(1, 3, ((2, 2),)).count_operations((10, 10)) == 2 * (5 * 5 * 2 * 1 * 9 + 2 * 2 * 3)


@pytest.mark.parametrize(("channels", "side", "millions"), [(1, 100, 21.1), (3, 100, 22.5), (3, 48, 19.9)])
def test_the_networks_that_are_trained_cost_about_twenty_million_operations(channels, side, millions):
    operations = Design(channels, 3, choose_stages(side)).count_operations((side, side))
    assert operations / 1e6 == pytest.approx(millions, abs=0.1)


def test_small_inputs_are_not_halved_at_once():
    assert (choose_stages(48), choose_stages(64), choose_stages(65)) == (SMALL_STAGES, SMALL_STAGES, STAGES)


def test_cooling_divides_logits_and_nothing_else():
    weights = Weights((np.ones((2, 1, 3, 3)),), (np.ones(2),), np.full((3, 4), 2.0), np.full(3, 6.0))
    cooled = weights.cool(2.0)
    assert (cooled.matrix == 1.0).all()
    assert (cooled.bias == 3.0).all()
    assert cooled.kernels is weights.kernels
