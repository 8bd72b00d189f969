# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from tinify.errors import ConfigError, InputError
from tinify.models.series.series_mixing import SeriesMixing
from tinify.quantizers import DeadZone


def laplace(*shape, scale=1.0):
    return torch.from_numpy(np.random.default_rng(0).laplace(scale=scale, size=shape).astype(np.float32))


@pytest.mark.parametrize("threshold", [0.5, 0.6, 0.66, 0.99, 1.0])
def test_rounding_is_towards_zero_below_the_threshold(threshold):
    y = laplace(10_000, scale=5.0)
    expected = torch.sign(y) * torch.floor(y.abs() / 0.5 + (1 - threshold))
    assert torch.equal(DeadZone(0.5, threshold).quantize(y), expected.int())


def test_the_borders_are_where_they_should_be():
    y = torch.tensor([-1.67, -1.65, -0.67, -0.65, 0.0, 0.65, 0.67, 1.65, 1.67])
    assert DeadZone(1.0, 0.66).quantize(y).tolist() == [-2, -1, -1, 0, 0, 0, 1, 1, 2]
    assert DeadZone(1.0, 0.5).quantize(torch.tensor([0.5, -0.5, 0.4999])).tolist() == [1, -1, 0]


def test_before_fitting_symbols_are_multiples_of_the_step():
    symbols = torch.tensor([-70000, -2, -1, 0, 1, 2, 70000], dtype=torch.int32)
    assert torch.equal(DeadZone(0.25).dequantize(symbols), symbols * 0.25)


def test_fitted_points_are_the_means_of_their_magnitudes():
    y, quantizer = laplace(50_000), DeadZone(0.5)
    symbols = quantizer.quantize(y)
    quantizer.fit(quantizer.count(y, symbols))
    y_hat = quantizer.dequantize(symbols)
    for magnitude in (1, 2):
        of = symbols.abs() == magnitude
        assert torch.allclose(y_hat[of].abs(), y[of].abs().mean(), atol=1e-4)
    of = symbols.abs() >= 3
    assert torch.allclose(y_hat[of].abs().mean(), y[of].abs().mean(), atol=1e-3)


def test_fitting_lowers_the_error():
    y, quantizer = laplace(50_000, scale=0.7), DeadZone(1.0, 0.5)
    symbols = quantizer.quantize(y)
    before = (quantizer.dequantize(symbols) - y).square().mean()
    quantizer.fit(quantizer.count(y, symbols))
    assert (quantizer.dequantize(symbols) - y).square().mean() < 0.95 * before


def test_counts_of_parts_add_up_and_points_without_counts_stay_zero():
    y, quantizer = 2 * torch.rand(1000) - 1, DeadZone(1.0, 0.5)
    symbols = quantizer.quantize(y)
    parts = sum(quantizer.count(*part) for part in zip(y.split(300), symbols.split(300), strict=True))
    assert torch.allclose(parts, quantizer.count(y, symbols))
    quantizer.fit(parts)
    assert quantizer.points[0, 1:].tolist() == [0, 0]
    assert quantizer.points[0, 0] < -0.1


def test_groups_have_points_of_their_own():
    y = torch.cat([laplace(20_000, scale=0.5), laplace(20_000, scale=4.0)])
    group = (torch.arange(40_000) >= 20_000).int()
    together, apart = DeadZone(), DeadZone(groups=2)
    symbols = apart.quantize(y)
    together.fit(together.count(y, symbols))
    apart.fit(apart.count(y, symbols, group=group))
    assert apart.points[0, 0] < together.points[0, 0] < apart.points[1, 0]
    y_hat = apart.dequantize(symbols, group=group)
    assert torch.equal(y_hat[20_000:], apart.dequantize(symbols[20_000:], group=1))
    assert (y_hat - y).square().mean() < (together.dequantize(symbols) - y).square().mean()


def test_fitted_points_come_back_with_the_state():
    quantizer, fresh = DeadZone(groups=2), DeadZone(groups=2)
    quantizer.points.uniform_(-0.2, 0)
    fresh.load_state_dict(quantizer.state_dict())
    symbols = torch.arange(-9, 10)
    assert torch.equal(fresh.dequantize(symbols, group=1), quantizer.dequantize(symbols, group=1))


def test_a_step_for_each_channel_or_for_each_call():
    y = laplace(2, 3, 4, 5, scale=9.0)
    quantizer = DeadZone([1.0, 2.0, 4.0])
    symbols = quantizer.quantize(y)
    for channel, step in enumerate((1.0, 2.0, 4.0)):
        assert torch.equal(symbols[:, channel], DeadZone(step).quantize(y[:, channel]))
        assert torch.equal(DeadZone().quantize(y[:, channel], step), symbols[:, channel])
    assert torch.equal(quantizer.dequantize(symbols, 0.5), symbols * 0.5)


def test_huge_numbers_and_symbols_stay_finite():
    y = torch.tensor([3e38, -3e38, float("inf"), -float("inf")])
    assert DeadZone(1e-3).quantize(y).tolist() == [1 << 28, -(1 << 28)] * 2
    extremes = torch.tensor([-(1 << 31), (1 << 31) - 1], dtype=torch.int32)
    assert DeadZone().dequantize(extremes).tolist() == [-(2.0**31), 2.0**31]


def test_it_is_what_series_mixing_does_by_itself():
    codec, quantizer = SeriesMixing(), DeadZone(1.0, 0.62, groups=4)
    codec.shrink.copy_(torch.tensor([[-0.05, -0.03, -0.01]] * 4) * torch.arange(1, 5)[:, None])
    quantizer.points.copy_(codec.shrink)
    y = laplace(5000, scale=3.0)
    symbols = quantizer.quantize(y)
    np.testing.assert_array_equal(symbols, codec.quantize(y.numpy()))
    np.testing.assert_allclose(quantizer.dequantize(symbols, group=2), codec.dequantize(symbols.numpy(), 3), atol=1e-6)


@pytest.mark.parametrize("arguments", [{"step": 0.0}, {"step": []}, {"step": [1.0, -1.0]}, {"threshold": 0.4},
                                       {"threshold": 1.1}, {"groups": 0}])  # fmt: skip
def test_arguments_that_make_no_sense_are_refused(arguments):
    with pytest.raises(ConfigError):
        DeadZone(**arguments)


def test_channels_and_groups_that_are_not_there_are_refused():
    with pytest.raises(InputError, match=r"\(..., 3, H, W\)"):
        DeadZone([1.0, 2.0, 4.0]).quantize(torch.zeros(1, 4, 2, 2))
    with pytest.raises(InputError, match="group"):
        DeadZone(groups=2).dequantize(torch.zeros(3, dtype=torch.int32), group=2)
