# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from tinify.entropy_models.scaled_histogram import RATES, ScaledHistogram, step_of
from tinify.errors import ConfigError, WeightsError
from tinify.testing import check_tables


def laplace(scale, count=200_000):
    return np.random.default_rng(0).laplace(scale=scale, size=(count, len(scale)))


@pytest.fixture(scope="module")
def prior():
    prior = ScaledHistogram(3, histograms=2)
    prior.fit(np.stack([prior.count(laplace(s)) for s in ((0.02, 0.3, 5.0), (1.0, 1.0, 1.0))]))
    return prior


def test_steps_halve_every_eight_rates_and_are_even():
    steps = [step_of(rate) for rate in range(RATES)]
    assert steps[0] == 65536 and steps[-1] == 64
    assert all(abs(a / b - 2) < 0.02 for a, b in zip(steps, steps[8:], strict=False))
    assert steps == sorted(steps, reverse=True)


@pytest.mark.parametrize("rate", [0, 8, 37, 60, 80])
def test_tables_are_valid_at_every_step(prior, rate):
    cdfs, lengths, offsets = prior.tables(rate)
    assert len(cdfs) == 2 * 3 + 3
    check_tables(cdfs, lengths, offsets)


@pytest.mark.parametrize("rate", [8, 24, 40, 56])
def test_bits_of_a_table_are_near_the_entropy(prior, rate):
    y, step = laplace((0.02, 0.3, 5.0)), step_of(rate) / 8192
    q = np.rint(y / step).astype(int)
    bits, halves = prior.bits(prior.tables(rate))
    widest = int(halves.max())
    for dim in range(3):
        counts = np.bincount(np.clip(q[:, dim], -widest, widest) + widest, minlength=2 * widest + 1)
        p = counts[counts > 0] / len(q)
        assert counts @ bits[dim] / len(q) < 1.03 * -(p * np.log2(p)).sum() + 0.02


def test_bits_are_those_of_the_integer_tables(prior):
    bits, halves = prior.bits(prior.tables(30))
    cdfs, _, offsets = prior.tables(30)
    widest = int(halves.max())
    for row in range(6):
        counts = np.diff(cdfs[row, : 2 * halves[row] + 2])
        mine = bits[row, widest + offsets[row] : widest + offsets[row] + len(counts)]
        np.testing.assert_allclose(mine, 16 - np.log2(counts), atol=1e-5)


def test_a_histogram_that_was_never_fitted_can_code():
    check_tables(*ScaledHistogram(2).tables(40))


def test_values_beyond_all_knots_are_counted_at_the_ends():
    counts = ScaledHistogram(1).count(np.array([[1e9], [-1e9], [0.0]]))
    assert counts[0, 0] == counts[0, -1] == 1 and counts.sum() == 3


def test_histograms_that_fall_are_refused(prior):
    broken = ScaledHistogram(3, 2)
    broken.load_state_dict(prior.state_dict())
    broken.cumulative[0, 0, 5] = -torch.tensor(7, dtype=torch.int32)
    with pytest.raises(WeightsError, match="rise"):
        broken.tables(10)
    broken.load_state_dict(prior.state_dict())
    broken.transitions[1, 0] = 70000
    with pytest.raises(WeightsError, match="shares"):
        broken.tables(10)
    with pytest.raises(ConfigError, match="0 histograms"):
        ScaledHistogram(3, 0)
