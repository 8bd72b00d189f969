# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from tinify.quantizers import ResidualQuantizer
from tinify.training.token_rates import TokenRates


@pytest.fixture
def quantizer() -> ResidualQuantizer:
    torch.manual_seed(0)
    quantizer = ResidualQuantizer.of_codebooks(dim=2, stages=2, codebook_size=8).train()
    quantizer(torch.randn(500, 2), stages=2)
    return quantizer.eval()


def test_all_codes_cost_alike_at_first(quantizer):
    assert torch.allclose(TokenRates(quantizer, 1.0).bits(), torch.full((2, 8), 3.0))


def test_codes_that_come_often_become_cheap_and_others_dear_within_bounds(quantizer):
    rates = TokenRates(quantizer, 1.0, decay=0.5)
    for _ in range(50):
        rates.follow(torch.zeros(4, 5, 1, dtype=torch.int64))
    bits = rates.bits()
    assert bits[0, 0] < 0.1 and 5 < bits[0, 1] < 12
    assert torch.equal(bits[1], torch.full((8,), 3.0))  # nothing came from the second stage


def test_the_weight_rises_from_nothing_to_the_error_that_the_stages_leave(quantizer):
    y = torch.randn(300, 2)
    rates = TokenRates(quantizer, weight=2.0)
    values = [rates.lmbda(quantizer, y, 1, share) for share in (0.0, 0.25, 0.5, 1.0)]
    error = (quantizer(y, 1).y_hat - y).square().mean().item()
    assert values[0] == 0.0 and values[1] < values[2]
    assert values[2] == pytest.approx(values[3]) == pytest.approx(2 * error, rel=1e-3)


def test_no_weight_means_no_measuring(quantizer):
    assert TokenRates(quantizer, 0.0).lmbda(quantizer, torch.randn(8, 2), 1, 1.0) == 0.0
