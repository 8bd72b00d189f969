# SPDX-License-Identifier: Apache-2.0
"""What the other pairs of patch transforms promise beyond their contract."""

import pytest
import torch

from tinify.errors import ConfigError
from tinify.transforms import (
    BlockDctAnalysis,
    BlockDctSynthesis,
    IdentityAnalysis,
    IdentitySynthesis,
    PatchCnnAnalysis,
    PatchCnnSynthesis,
    PatchMlpAnalysis,
    PatchMlpSynthesis,
    dct_basis,
)

EXACT = [
    (PatchMlpAnalysis(8), PatchMlpSynthesis(8)),
    (BlockDctAnalysis(8), BlockDctSynthesis(8)),
    (IdentityAnalysis(8), IdentitySynthesis(8)),
]


@pytest.mark.parametrize("analysis, synthesis", EXACT, ids=lambda side: type(side).__name__)
def test_before_training_what_goes_in_comes_out(analysis, synthesis):
    x = torch.randn(3, 40)
    assert torch.allclose(synthesis(analysis(x)), x, atol=1e-5)


@pytest.mark.parametrize("kind", [PatchMlpAnalysis, BlockDctAnalysis])
def test_a_classical_start_is_the_dct(kind):
    x = torch.randn(2, 24)
    assert torch.allclose(kind(8)(x), x.reshape(2, 3, 8) @ dct_basis(8).t(), atol=1e-5)


def test_fewer_numbers_than_samples_keep_the_low_frequencies():
    x = torch.sin(torch.arange(64) / 20)[None]
    x_hat = PatchMlpSynthesis(16, dim=4)(PatchMlpAnalysis(16, dim=4)(x))
    assert (x_hat - x).square().mean() < 1e-3


def test_mixing_blocks_can_become_a_lapped_transform():
    analysis = BlockDctAnalysis(4)
    with torch.no_grad():
        analysis.mixing.weight.normal_()
    x = torch.zeros(1, 20)
    x[0, 9] = 1.0
    assert (analysis(x)[0].abs().sum(-1) > 0).tolist() == [False, True, True, True, False]


@pytest.mark.parametrize("patch", [1, 2, 16])
def test_convolutions_keep_lengths_and_can_learn(patch):
    torch.manual_seed(0)
    analysis, synthesis = PatchCnnAnalysis(patch, 8, dim=4), PatchCnnSynthesis(patch, 8, dim=4)
    x = torch.sin(torch.arange(96) / 9).repeat(2, 1)
    assert analysis(x).shape == (2, 96 // patch, 4)
    parameters = [*analysis.parameters(), *synthesis.parameters()]
    optimizer, errors = torch.optim.Adam(parameters, lr=0.01), []
    for _ in range(60):
        error = (synthesis(analysis(x)) - x).square().mean()
        errors.append(error.item())
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
    assert errors[-1] < 0.5 * errors[0]


@pytest.mark.parametrize("make", [
    lambda: PatchCnnAnalysis(12),
    lambda: PatchMlpAnalysis(8, dim=9),
    lambda: BlockDctAnalysis(8, taps=2),
])  # fmt: skip
def test_sizes_that_do_not_fit_are_refused(make):
    with pytest.raises(ConfigError):
        make()
