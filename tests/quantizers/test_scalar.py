# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from tinify.errors import ConfigError
from tinify.quantizers import ScalarStage, ScalarTokens


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def test_each_number_is_a_token_around_the_middle_of_the_codebook():
    quantizer = ScalarTokens(3, codebook_size=8, step=0.5)
    y = torch.tensor([[0.0, 0.6, -1.1]])
    assert quantizer.quantize(y).tolist() == [[4, 5, 2]]
    assert torch.allclose(quantizer.dequantize(quantizer.quantize(y)), torch.tensor([[0.0, 0.5, -1.0]]))


def test_numbers_beyond_the_range_are_clipped():
    quantizer = ScalarTokens(2, codebook_size=8)
    assert quantizer.quantize(torch.tensor([[99.0, -99.0]])).tolist() == [[7, 0]]


def test_the_first_numbers_alone_are_a_coarser_codec():
    quantizer, y = ScalarTokens(4), torch.randn(10, 4)
    tokens = quantizer.quantize(y, 2)
    assert torch.equal(tokens, quantizer.quantize(y)[:, :2])
    assert (quantizer.dequantize(tokens)[:, 2:] == 0).all()


def test_numbers_at_once_are_what_the_stages_add_up_to():
    quantizer = ScalarTokens(4, 16)
    tokens = torch.randint(16, (5, 3))
    expected = sum(stage.dequantize(tokens[:, i]) for i, stage in enumerate(quantizer.stages[:3]))
    assert torch.equal(quantizer.dequantize(tokens), expected)


def test_training_adds_noise_within_half_a_step_and_evaluation_rounds():
    quantizer, y = ScalarTokens(4, step=0.5).train(), torch.randn(500, 4)
    noise = quantizer(y, stages=4).y_hat - y
    assert noise.abs().max() <= 0.25 + 1e-6 and noise.unique().numel() > 1000
    quantizer.eval()
    assert torch.allclose(quantizer(y).y_hat, quantizer.dequantize(quantizer.quantize(y)), atol=1e-6)


def test_a_dear_code_is_avoided_when_bits_count():
    stage, y = ScalarStage(2, 1, codebook_size=8), torch.tensor([[9.0, 0.1]])
    rate = torch.zeros(8)
    rate[4] = 100.0
    assert stage.quantize(y).tolist() == [4] and stage.quantize(y, rate, 1.0).tolist() == [5]


def test_bits_are_those_of_the_table_and_pull_numbers_to_cheap_codes():
    quantizer = ScalarTokens(1, codebook_size=8, step=1.0).train()
    rate = torch.arange(8.0)[None]
    y = torch.zeros(2000, 1, requires_grad=True)
    out = quantizer(y, 1, rate, 0.1)
    assert out.bits.shape == (2000,) and out.bits.mean().item() == pytest.approx(4.0, abs=0.05)
    out.bits.sum().backward()
    assert torch.allclose(y.grad, torch.ones_like(y))


def test_wrong_arguments_are_refused():
    for wrong in ({"index": 2}, {"index": 0, "codebook_size": 1}, {"index": 0, "step": 0.0}):
        with pytest.raises(ConfigError):
            ScalarStage(2, **wrong)
