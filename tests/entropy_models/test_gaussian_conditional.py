# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest
import scipy.stats
import torch

from tinify.entropy_models import GaussianConditional, get_scale_table


def test_the_default_table_has_64_scales_in_even_ratios():
    table = get_scale_table()
    assert len(table) == 64
    assert math.isclose(table[0], 0.11, rel_tol=1e-6) and math.isclose(table[-1], 256, rel_tol=1e-6)
    ratios = table[1:] / table[:-1]
    assert ratios.max() / ratios.min() < 1.0001


def test_likelihoods_are_the_mass_of_a_gaussian_in_a_bin_of_width_one():
    model = GaussianConditional().eval()
    y, scales, means = torch.randn(1, 3, 40) * 4, torch.rand(1, 3, 40) * 5 + 0.2, torch.randn(1, 3, 40)
    y_hat, likelihoods = model(y, scales, means)
    low, high = (scipy.stats.norm.cdf((y_hat - means + half).double() / scales.double()) for half in (-0.5, 0.5))
    np.testing.assert_allclose(likelihoods, np.maximum(high - low, 1e-9), rtol=2e-3, atol=1e-7)


def test_scales_below_the_bound_count_as_the_bound():
    model, y = GaussianConditional().eval(), torch.zeros(1, 2, 3)
    at_bound = model(y, torch.full_like(y, 0.11))[1]
    assert torch.equal(model(y, torch.full_like(y, 1e-6))[1], at_bound)
    assert torch.equal(model(y, torch.full_like(y, -3.0))[1], at_bound)


def test_in_training_scales_and_means_get_gradients():
    model = GaussianConditional().train()
    scales, means = torch.full((1, 2, 50), 2.0, requires_grad=True), torch.zeros(1, 2, 50, requires_grad=True)
    _, likelihoods = model(torch.randn(1, 2, 50) * 3, scales, means)
    likelihoods.log().sum().backward()
    assert scales.grad.any() and means.grad.any()


@pytest.mark.parametrize(
    ("coder", "cases"),
    [
        ("rans32", {0.01: 0, 0.2: 0, 0.31: 0, 0.32: 1, 0.5: 1, 0.7: 1, 0.72: 2, 1.0: 2, 1.9: 2, 2.1: 3, 1e6: 3}),
        ("rans64", {0.01: 0, 0.2: 0, 0.2001: 1, 0.5: 1, 0.75: 2, 1.0: 2, 3.9: 3, 4.0: 3, 4.1: 3, 1e6: 3}),
    ],
    ids=["nearest-in-ratio", "not-smaller-for-compressai"],
)
def test_the_index_is_that_of_the_table_entry_that_the_coder_asks_for(coder, cases):
    model = GaussianConditional([0.2, 0.5, 1.0, 4.0], entropy_coder=coder)
    indexes = model.build_indexes(torch.tensor([list(cases)]))
    assert indexes.dtype == torch.int32
    assert indexes.tolist() == [list(cases.values())]


def test_every_entry_of_the_default_table_is_its_own_index():
    assert GaussianConditional().build_indexes(get_scale_table()[None]).tolist() == [list(range(64))]


def test_tables_are_symmetric_16_bit_distributions_with_the_tail_mass_outside():
    model = GaussianConditional([0.5, 3.0], tail_mass=1e-3)
    model.update()
    for row, length, offset, scale in zip(
        model.quantized_cdf, model.cdf_length.tolist(), model.offset.tolist(), (0.5, 3.0), strict=True
    ):
        counts = row[:length].diff()
        values = np.arange(offset, offset + length - 2)
        assert row[0] == 0 and row[length - 1] == 65536 and counts.min() >= 1
        assert values[-1] == -offset == math.ceil(scale * -scipy.stats.norm.ppf(0.5e-3))
        mass = scipy.stats.norm.cdf((values + 0.5) / scale) - scipy.stats.norm.cdf((values - 0.5) / scale)
        np.testing.assert_allclose(counts[:-1] / 65536, mass, rtol=0.01, atol=2e-4)


@pytest.mark.parametrize("with_means", [False, True])
@pytest.mark.parametrize("batch", [1, 3])
def test_decompressed_values_are_those_of_forward(with_means, batch):
    torch.manual_seed(0)
    model = GaussianConditional().eval()
    scales = torch.rand(batch, 5, 6, 7) * 8
    means = torch.randn(batch, 5, 6, 7) if with_means else None
    y = torch.randn(batch, 5, 6, 7) * scales * 1.5
    indexes = model.build_indexes(scales)
    strings = model.compress(y, indexes, means)
    assert len(strings) == batch
    torch.testing.assert_close(model.decompress(strings, indexes, means=means), model(y, scales, means)[0])


def test_written_bits_are_the_estimated_bits():
    torch.manual_seed(0)
    model = GaussianConditional().eval()
    scales = torch.exp(torch.rand(1, 8, 50, 50) * 4 - 1)
    y = torch.randn_like(scales) * scales
    estimated = -model(y, scales)[1].log2().sum().item() / 8
    (string,) = model.compress(y, model.build_indexes(scales))
    assert abs(len(string) - estimated) < 0.01 * estimated + 64


def test_a_scale_table_of_ones_own_is_kept_in_the_state_dict():
    model = GaussianConditional()
    assert model.update_scale_table([0.3, 1.0, 9.0]) is True
    assert model.update_scale_table([0.3, 1.0]) is False
    other = GaussianConditional()
    other.load_state_dict(model.state_dict())
    torch.testing.assert_close(other.scale_table, torch.tensor([0.3, 1.0, 9.0]))
    assert other.quantized_cdf.shape[0] == 3
    assert model.update_scale_table([0.3, 1.0], force=True) is True
    assert model.quantized_cdf.shape[0] == 2


@pytest.mark.parametrize("table", [[], [2.0, 1.0], [0.0, 1.0], [-1.0, 1.0], [1.0, float("nan")]])
def test_a_scale_table_that_is_not_positive_and_ascending_is_refused(table):
    with pytest.raises(ValueError, match="ascending"):
        GaussianConditional(table)


def test_without_a_bound_the_smallest_scale_of_the_table_is_the_bound():
    model = GaussianConditional([0.4, 1.0], scale_bound=None)
    assert model.lower_bound_scale(torch.tensor([0.1])).item() == pytest.approx(0.4)


def test_a_bound_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match="scale_bound"):
        GaussianConditional(scale_bound=0.0)
