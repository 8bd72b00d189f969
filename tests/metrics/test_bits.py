# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from tinify.metrics.bits import estimated_bits


def test_half_costs_one_bit_and_latents_add_up():
    likelihoods = {"y": torch.full((2, 3), 0.5), "z": torch.full((4,), 0.25)}
    assert estimated_bits(likelihoods) == pytest.approx(6 + 8)


def test_one_tensor_is_enough():
    assert estimated_bits(torch.tensor([0.125], requires_grad=True)) == pytest.approx(3.0)


def test_many_small_costs_are_not_lost_in_rounding():
    count = 2_000_000
    assert estimated_bits(torch.full((count,), 0.999)) == pytest.approx(count * 0.00144342, rel=1e-4)
