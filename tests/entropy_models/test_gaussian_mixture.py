# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import scipy.stats
import torch

from tinify.entropy_models import GaussianConditional, GaussianMixtureConditional
from tinify.entropy_models.mixture_search import Mixtures
from tinify.errors import InputError, TinifyError


def mixture(batch=2, channels=8, side=12, spread=1.0, seed=0):
    """y of a mixture, and its scales, means and weights."""
    random = torch.Generator().manual_seed(seed)
    shape = (batch, 3, channels, side, side)
    scales = torch.rand(shape, generator=random) * 2 * spread + 0.05
    means, weights = torch.randn(shape, generator=random) * 3 * spread, torch.rand(shape, generator=random)
    weights = weights / weights.sum(1, keepdim=True)
    which = torch.multinomial(weights.movedim(1, -1).reshape(-1, 3), 1, generator=random)
    which = which.reshape(batch, channels, side, side)[:, None]
    y = (means.gather(1, which) + scales.gather(1, which) * torch.randn(shape, generator=random)[:, :1])[:, 0]
    return y, *(part.flatten(1, 2) for part in (scales, means, weights))


@pytest.fixture
def model():
    return GaussianMixtureConditional(3).eval()


def test_likelihoods_are_the_mass_of_the_mixture_in_a_bin_of_width_one(model):
    y, scales, means, weights = mixture(1)
    y_hat, likelihoods = model(y, scales, means, weights)
    parts = [part.unflatten(1, (3, 8)).double().numpy() for part in (scales, means, weights)]
    at = y_hat[:, None].double().numpy()
    low, high = (scipy.stats.norm.cdf((at + half - parts[1]) / np.maximum(parts[0], 0.11)) for half in (-0.5, 0.5))
    expected = np.maximum((parts[2] * (high - low)).sum(1), 1e-9)
    np.testing.assert_allclose(likelihoods, expected, rtol=2e-3, atol=1e-6)


def test_one_gaussian_is_a_gaussian_conditional():
    y, scales, means, _ = mixture()
    scales, means = scales[:, :8], means[:, :8]
    mine = GaussianMixtureConditional(1).eval()(y, scales, means, torch.ones_like(means))[1]
    theirs = GaussianConditional().eval()._likelihood(torch.round(y), scales, means).clamp_min(1e-9)
    torch.testing.assert_close(mine, theirs)


@torch.no_grad()
@pytest.mark.parametrize("spread", [0.1, 1.0, 50.0])
@pytest.mark.parametrize("coder", ["rans32", "rans64", "rangecoder"])
def test_any_batch_comes_back_in_the_estimated_bytes(coder, spread):
    model = GaussianMixtureConditional(3, entropy_coder=coder).eval()
    y, *parts = mixture(3, 16, 20, spread)
    strings = model.compress(y, *parts)
    y_hat, likelihoods = model(y, *parts)
    assert len(strings) == 3 and torch.equal(model.decompress(strings, *parts), y_hat)
    estimated = -likelihoods.log2().sum().item() / 8
    assert abs(sum(map(len, strings)) - estimated) < 0.01 * estimated + 3 * 16


@torch.no_grad()
def test_numbers_far_from_every_mean_come_back(model):
    y, *parts = mixture(1)
    y[0, 0, 0, :8] = torch.tensor([1e4, -1e4, 1e6, -1e6, 2.0**30, -(2.0**30), 300, -77])
    assert torch.equal(model.decompress(model.compress(y, *parts), *parts), torch.round(y))


@torch.no_grad()
def test_items_of_a_batch_have_the_strings_they_have_alone(model):
    y, *parts = mixture(2)
    alone = [model.compress(y[k : k + 1], *(part[k : k + 1] for part in parts))[0] for k in range(2)]
    assert model.compress(y, *parts) == alone


def test_in_training_all_parameters_get_gradients(model):
    y, *parts = mixture()
    leaves = [part.requires_grad_() for part in parts]
    y_hat, likelihoods = model.train()(y, *leaves)
    likelihoods.log().sum().backward()
    assert all(leaf.grad.any() and leaf.grad.isfinite().all() for leaf in leaves)
    assert (y_hat - y).abs().max() <= 0.5 and not torch.equal(y_hat, torch.round(y))


def test_shares_are_a_softmax(model):
    logits = torch.randn(2, 12, 5) * 4
    expected = logits.unflatten(1, (3, 4)).softmax(1).flatten(1, 2)
    torch.testing.assert_close(model.shares(logits), expected)
    torch.testing.assert_close(model.shares(logits.requires_grad_()), expected)


def test_the_cumulative_rises_from_nothing_to_all():
    random = np.random.default_rng(0)
    scales, means, weights = (random.uniform(low, high, (3, 200)) for low, high in ((0.05, 300), (-40, 40), (0, 1)))
    mixtures = Mixtures(scales, means, weights / weights.sum(0))
    every = np.arange(200)
    mass = np.stack([mixtures.below(every, np.full(200, value)) for value in range(-3000, 3001, 3)])
    assert (np.diff(mass, axis=0) >= 0).all()
    assert (mass[0] == 0).all() and (mass[-1] == 1 << 40).all()


@torch.no_grad()
def test_damage_is_a_typed_error(model):
    y, *parts = mixture(1)
    string = model.compress(y, *parts)[0]
    for damaged in (b"", string[: len(string) // 2], bytes(byte ^ 0x55 for byte in string), bytes(len(string))):
        with pytest.raises(TinifyError):
            model.decompress([damaged], *parts)


def test_parameters_that_are_no_numbers_and_wrong_sizes_are_refused(model):
    y, scales, means, weights = mixture(1)
    with pytest.raises(InputError, match="not finite"):
        model.compress(y, scales, means * float("nan"), weights)
    with pytest.raises(InputError, match="mixture of 0"):
        GaussianMixtureConditional(0)
    with pytest.raises(ValueError, match="2 strings for a batch of 1"):
        model.decompress([b"", b""], scales, means, weights)
