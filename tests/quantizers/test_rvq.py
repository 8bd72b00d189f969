# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from tinify.errors import ConfigError
from tinify.quantizers import ResidualQuantizer, Uniform, VectorQuantizer


@pytest.fixture
def trained() -> ResidualQuantizer:
    torch.manual_seed(0)
    quantizer = ResidualQuantizer.of_codebooks(dim=4, stages=4, codebook_size=16).train()
    quantizer(torch.randn(2000, 4), stages=4)
    return quantizer.eval()


def test_every_stage_lowers_the_error(trained):
    y = torch.randn(500, 4)
    errors = [(trained(y, stages=n).y_hat - y).square().mean().item() for n in range(1, 5)]
    assert errors == sorted(errors, reverse=True) and errors[-1] < 0.3 * errors[0]


def test_tokens_of_fewer_stages_are_a_prefix(trained):
    y = torch.randn(50, 4)
    assert torch.equal(trained.quantize(y, 2), trained.quantize(y, 4)[..., :2])


def test_forward_gives_the_values_of_its_tokens(trained):
    out = trained(torch.randn(50, 4), stages=3)
    assert torch.allclose(out.y_hat, trained.dequantize(out.symbols), atol=1e-6)


def test_training_without_a_number_of_stages_drops_some_at_random(trained):
    trained.train()
    used = {trained(torch.randn(64, 4)).symbols.shape[-1] for _ in range(40)}
    assert used == {1, 2, 3, 4}


def test_any_quantizer_can_be_a_stage():
    quantizer = ResidualQuantizer([Uniform(1.0), Uniform(0.1)])
    y = torch.randn(100)
    assert (quantizer.dequantize(quantizer.quantize(y)) - y).abs().max() <= 0.051


def test_gradient_reaches_the_input_once(trained):
    y = torch.randn(10, 4, requires_grad=True)
    trained(y, stages=4).y_hat.sum().backward()
    assert torch.allclose(y.grad, torch.ones_like(y))


def test_no_stage_is_refused():
    with pytest.raises(ConfigError, match="at least one"):
        ResidualQuantizer([])


def test_stages_may_be_of_different_size():
    quantizer = ResidualQuantizer([VectorQuantizer(2, 4), VectorQuantizer(2, 8)])
    assert quantizer.quantize(torch.randn(3, 2)).shape == (3, 2)


def test_each_stage_weighs_its_own_bits(trained):
    y = torch.randn(300, 4)
    rate = torch.zeros(4, 16)
    rate[1, :8] = 1e6
    tokens = trained.quantize(y, rate=rate, lmbda=1.0)
    assert torch.equal(tokens[:, 0], trained.quantize(y)[:, 0]) and tokens[:, 1].min() >= 8
    assert torch.equal(trained(y, 2, rate, 1.0).symbols, tokens[:, :2])
