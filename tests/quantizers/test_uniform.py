# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from tinify.errors import ConfigError
from tinify.quantizers import Uniform, UniformNoise, UniformSTE


def test_values_return_within_half_a_step():
    quantizer, y = Uniform(step=0.25), torch.randn(1000)
    assert (quantizer.dequantize(quantizer.quantize(y)) - y).abs().max() <= 0.125 + 1e-6


def test_noise_stays_within_half_a_step_and_is_not_rounding():
    quantizer, y = UniformNoise(step=2.0).train(), torch.zeros(1000)
    noisy = quantizer(y).y_hat
    assert 0.5 < noisy.abs().max() <= 1.0
    assert noisy.unique().numel() > 900


def test_noise_quantizer_rounds_in_eval_mode():
    quantizer, y = UniformNoise().eval(), torch.randn(100)
    assert torch.equal(quantizer(y).y_hat, torch.round(y))


def test_straight_through_rounds_forwards_and_passes_the_gradient():
    quantizer, y = UniformSTE(step=0.5), torch.randn(100, requires_grad=True)
    out = quantizer(y)
    out.y_hat.sum().backward()
    assert torch.allclose(out.y_hat, out.symbols * 0.5)
    assert torch.equal(y.grad, torch.ones(100))


def test_step_must_be_positive():
    with pytest.raises(ConfigError, match="positive"):
        Uniform(step=0)
