# SPDX-License-Identifier: Apache-2.0
"""Quantizers whose codes are a fixed grid: finite scalar and lookup-free."""

from itertools import pairwise

import pytest
import torch

from tinify.errors import ConfigError
from tinify.quantizers import FiniteScalarQuantizer, LookupFreeQuantizer, ResidualQuantizer

GRIDS = [FiniteScalarQuantizer, LookupFreeQuantizer]


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def started(kind, dim=6, size=64, points=2000):
    quantizer = kind(dim, size).train()
    y = 3 + torch.randn(points, dim) * torch.linspace(2, 0.2, dim)
    quantizer(y)
    return quantizer.eval(), y


@pytest.mark.parametrize("kind", GRIDS)
def test_every_token_is_the_number_of_its_own_code(kind):
    quantizer = kind(4, 16 if kind is LookupFreeQuantizer else 60)
    tokens = torch.arange(quantizer.codebook_size)
    assert torch.equal(quantizer.number(quantizer.grid), tokens)
    assert torch.allclose(quantizer.dequantize(tokens), quantizer.codebook())


def test_fsq_tokens_are_mixed_radix_with_the_first_digit_lowest():
    quantizer = FiniteScalarQuantizer(3, levels=[4, 3, 2], codebook_size=24)
    assert quantizer.grid[1].tolist() == pytest.approx([-1 / 3, -1, -1])
    assert quantizer.grid[4].tolist() == pytest.approx([-1, 0, -1])
    assert quantizer.grid[12].tolist() == pytest.approx([-1, -1, 1])


def test_fsq_rounds_a_tanh_and_reaches_the_outermost_levels():
    quantizer = FiniteScalarQuantizer(1, levels=[5], codebook_size=5)
    z = torch.tensor([[-50.0], [-0.3], [0.0], [0.6], [50.0]])
    assert quantizer.point(z).flatten().tolist() == pytest.approx([-1, -0.5, 0, 0.5, 1])
    assert quantizer.number(quantizer.point(z)).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("size, levels", [(256, [8, 6, 5]), (1024, [8, 5, 5, 5]), (5, [2, 2]), (100, [8, 8])])
def test_fsq_levels_are_those_of_the_paper_where_it_has_some(size, levels):
    assert FiniteScalarQuantizer(8, size).levels.tolist() == levels


def test_lfq_tokens_are_signs_as_bits():
    quantizer = LookupFreeQuantizer(3, 8)
    assert quantizer.number(torch.tensor([[1.0, -1.0, 1.0], [-1.0, 0.2, -3.0]])).tolist() == [5, 2]


@pytest.mark.parametrize("kind", GRIDS)
def test_the_first_training_batch_puts_the_grid_where_the_data_is(kind):
    quantizer, y = started(kind)
    error = (quantizer(y).y_hat - y).square().mean()
    assert error < 0.5 * (y - y.mean(0)).square().mean()
    counts = torch.bincount(quantizer.quantize(y), minlength=quantizer.codebook_size)
    assert (counts > 0).float().mean() > 0.8


@pytest.mark.parametrize("kind", GRIDS)
def test_a_dear_code_is_avoided_when_bits_count(kind):
    quantizer, y = started(kind)
    rate = torch.zeros(quantizer.codebook_size)
    rate[quantizer.quantize(y)[0]] = 1000.0
    assert quantizer.quantize(y, rate, lmbda=1.0)[0] != quantizer.quantize(y)[0]
    assert torch.equal(quantizer.quantize(y, rate, lmbda=0.0), quantizer.quantize(y))


@pytest.mark.parametrize("kind", GRIDS)
def test_with_bits_the_choice_is_the_best_of_all_codes(kind):
    quantizer, y = started(kind)
    rate = 5 * torch.rand(len(y), quantizer.codebook_size)
    cost = torch.cdist(y, quantizer.codebook()).square() + 0.3 * rate
    chosen = quantizer.quantize(y, rate, lmbda=0.3)
    assert torch.allclose(cost.gather(1, chosen[:, None])[:, 0], cost.min(1).values, atol=1e-3)


@pytest.mark.parametrize("kind", GRIDS)
def test_bits_count_in_evaluation_and_not_in_training(kind):
    quantizer, y = started(kind)
    rate = 50 * torch.rand(quantizer.codebook_size)
    cheap = quantizer(y, rate, 1.0)
    assert torch.equal(cheap.symbols, quantizer.quantize(y, rate, 1.0))
    assert torch.allclose(cheap.y_hat, quantizer.dequantize(cheap.symbols), atol=1e-5)
    assert torch.equal(quantizer.train()(y, rate, 1.0).symbols, quantizer.quantize(y))


@pytest.mark.parametrize("kind", GRIDS)
def test_training_moves_the_plane_towards_the_data(kind):
    quantizer, y = started(kind)
    turned = y @ torch.linalg.qr(torch.randn(6, 6)).Q
    quantizer.train()
    optimizer = torch.optim.Adam(quantizer.parameters(), lr=0.02)
    errors = []
    for _ in range(150):
        out = quantizer(turned)
        errors.append((out.y_hat - turned).square().mean().item())
        optimizer.zero_grad()
        ((out.y_hat - turned).square().mean() + out.loss).backward()
        optimizer.step()
    assert errors[-1] < 0.6 * errors[0]


@pytest.mark.parametrize("kind", GRIDS)
def test_values_are_codes_and_the_gradient_stays_in_the_plane(kind):
    quantizer, y = started(kind, dim=8, size=16)
    y.requires_grad_()
    out = quantizer(y)
    assert torch.allclose(out.y_hat, quantizer.dequantize(out.symbols), atol=1e-5)
    out.y_hat.square().sum().backward()
    beyond = y.grad @ (torch.eye(8) - torch.linalg.pinv(quantizer.down) @ quantizer.down)
    assert y.grad.norm() > 1 and beyond.norm() < 1e-3 * y.grad.norm()


def test_stages_of_a_residual_quantizer_add_what_they_have_of_the_gradient():
    stages = [LookupFreeQuantizer(4, 4, commitment=0.0, entropy=0.0).eval() for _ in range(2)]
    with torch.no_grad():  # the second stage lies where the first does not
        stages[1].down.copy_(stages[1].down.roll(2, 1)), stages[1].up.copy_(stages[1].up.roll(2, 0))
    quantizer, y = ResidualQuantizer(stages), 0.1 * torch.randn(50, 4)
    y.requires_grad_()
    one, both = (torch.autograd.grad(quantizer(y, n).y_hat.sum(), y)[0] for n in (1, 2))
    assert one[:, :2].min() > 0.9 and (one[:, 2:] == 0).all()
    assert torch.equal(both[:, :2], one[:, :2]) and both[:, 2:].min() > 0.9


@pytest.mark.parametrize("kind", GRIDS)
def test_residual_stages_scale_themselves(kind):
    quantizer = ResidualQuantizer([kind(4, 16) for _ in range(4)]).train()
    y = torch.randn(2000, 4) * torch.tensor([4.0, 2.0, 1.0, 0.5])
    quantizer(y, stages=4)
    quantizer.eval()
    errors = [(quantizer(y, n).y_hat - y).square().mean().item() for n in range(1, 5)]
    assert all(after < 0.7 * before for before, after in pairwise(errors))
    sizes = [stage.up.norm().item() for stage in quantizer.stages]
    assert sizes == sorted(sizes, reverse=True)


def test_the_entropy_penalty_falls_when_codes_are_sure_and_used_alike():
    quantizer = LookupFreeQuantizer(2, 4, entropy=1.0)
    even = quantizer.penalty(3 * quantizer.grid)
    unsure = quantizer.penalty(0.01 * quantizer.grid)
    alike = quantizer.penalty(torch.full((4, 2), 3.0))
    assert even == pytest.approx(-1.0, abs=1e-3) and unsure == pytest.approx(0.0, abs=0.1)
    assert alike == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize("make", [
    lambda: FiniteScalarQuantizer(2, 256, levels=[8, 6, 5]),
    lambda: FiniteScalarQuantizer(4, 16, levels=[8, 8]),
    lambda: FiniteScalarQuantizer(4, 16, levels=[1, 8]),
    lambda: FiniteScalarQuantizer(4, 1),
    lambda: LookupFreeQuantizer(16, 100),
    lambda: LookupFreeQuantizer(2, 8),
])  # fmt: skip
def test_sizes_that_do_not_fit_are_refused(make):
    with pytest.raises(ConfigError):
        make()
