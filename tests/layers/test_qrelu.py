# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from tinify.layers import QReLU, QuantizedReLU


def gradient(values, bits=8, beta=100):
    x = torch.tensor(values, requires_grad=True)
    QReLU.apply(x, bits, beta).sum().backward()
    return x.grad


@pytest.mark.parametrize("bits", [1, 8, 16])
def test_values_are_clamped_to_the_range_and_not_rounded(bits):
    top = 2.0**bits - 1
    x = torch.tensor([-1e6, -0.5, 0.0, 0.25, top - 0.5, top, top + 0.5, 1e6])
    expected = torch.tensor([0, 0, 0, 0.25, top - 0.5, top, top, top])
    assert torch.equal(QReLU.apply(x, bits, 100), expected)
    assert torch.equal(QuantizedReLU(bits)(x), expected)


def test_the_gradient_is_one_within_the_range_and_falls_off_beyond_it():
    assert torch.equal(gradient([0.0, 3.5, 255.0]), torch.ones(3))
    inner, outer, far = gradient([255.2, 256.0, 300.0]).tolist()
    assert 1 > inner > outer > far == 0
    assert gradient([-0.2, -1.0, -45.0]).tolist() == pytest.approx([inner, outer, 0], rel=1e-3)


def test_a_smaller_beta_lets_more_gradient_through():
    assert gradient([280.0], beta=10) > gradient([280.0], beta=100)
