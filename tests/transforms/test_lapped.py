# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from tinify.errors import ConfigError
from tinify.transforms.lapped import LappedAnalysis, LappedSynthesis, lapped_basis, planes


def test_the_basis_and_its_shifts_by_a_block_are_orthonormal():
    basis = lapped_basis().double()
    torch.testing.assert_close(basis.t() @ basis, torch.eye(8, dtype=torch.double), rtol=0, atol=1e-5)
    torch.testing.assert_close(basis[:8].t() @ basis[8:], torch.zeros(8, 8, dtype=torch.double), rtol=0, atol=1e-5)


def test_the_basis_gains_more_than_a_dct_of_blocks():
    distance = torch.arange(16)[:, None] - torch.arange(16)
    variances = (lapped_basis().double().t() @ (0.95 ** distance.abs().double()) @ lapped_basis().double()).diag()
    assert 9.2 < -10 * variances.log10().mean() < 9.25


@torch.no_grad()
@pytest.mark.parametrize("level", [None, 0.5, torch.tensor([0.0, 1.0])])
def test_synthesis_gives_back_what_analysis_was_given_away_from_the_border(level):
    torch.manual_seed(0)
    counts = (64, 64, 64)
    x = torch.rand(2, 3, 64, 96)
    x_hat = LappedSynthesis(counts, 8, 1, 2)(LappedAnalysis(counts, 8, 1, 2)(x, level), level)
    torch.testing.assert_close(x_hat[:, :, 8:-8, 8:-8], x[:, :, 8:-8, 8:-8], rtol=0, atol=1e-4)


@torch.no_grad()
def test_a_flat_picture_has_one_number_a_colour_up_to_its_border():
    x = torch.tensor([0.2, 0.5, 0.9])[None, :, None, None].expand(1, 3, 64, 64)
    y = LappedAnalysis((64, 64, 64), 8, 1, 2)(x)
    active = (y.abs().amax((0, 2, 3)) > 1e-3).nonzero()[:, 0].tolist()
    assert [planes((64, 64, 64))[channel][1:] for channel in active] == [(0, 0)] * len(active)


def test_the_lowest_frequencies_of_all_colours_come_first():
    first = planes((64, 32, 32))[:3]
    assert sorted(first) == [(0, 0, 0), (1, 0, 0), (2, 0, 0)]


def test_more_frequencies_than_a_block_has_are_refused():
    with pytest.raises(ConfigError, match="1 to 64"):
        planes((65, 1, 1))
