# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from tinify.errors import ConfigError
from tinify.layers.tcn import TemporalBlock, TemporalDown, TemporalUp, WeightNormConv1d


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def reach(layer, channels, length, at):
    """Steps of the input that step `at` of the output depends on."""
    x = torch.randn(1, channels, length, requires_grad=True)
    layer(x)[0, :, at].sum().backward()
    return torch.nonzero(x.grad[0].abs().sum(0)).flatten().tolist()


def test_weight_normalisation_begins_as_the_plain_convolution():
    layer, x = WeightNormConv1d(3, 5, 3), torch.randn(2, 3, 11)
    torch.testing.assert_close(layer(x), torch.nn.functional.conv1d(x, layer.weight, layer.bias))


def test_the_gain_alone_is_the_length_of_a_kernel():
    layer, x = WeightNormConv1d(3, 5, 3, bias=False), torch.randn(2, 3, 11)
    before = layer(x)
    with torch.no_grad():
        layer.weight.mul_(7)
        torch.testing.assert_close(layer(x), before)
        layer.gain.mul_(2)
        torch.testing.assert_close(layer(x), 2 * before)


def test_a_gain_of_zero_gives_zeros_and_a_gradient():
    layer = WeightNormConv1d(3, 5, 3, bias=False)
    torch.nn.init.zeros_(layer.gain)
    y = layer(torch.randn(2, 3, 11))
    assert not y.any()
    (y - 1).square().sum().backward()
    assert layer.gain.grad.abs().min() > 0


def test_a_causal_block_does_not_see_the_future():
    steps = reach(TemporalBlock(2, 4, kernel=3, dilation=2, causal=True), 2, 40, at=20)
    assert max(steps) == 20 and min(steps) == 20 - 2 * 2 * 2


def test_a_block_sees_as_far_to_either_side():
    steps = reach(TemporalBlock(4, 4, kernel=3, dilation=3), 4, 40, at=20)
    assert (min(steps), max(steps)) == (14, 26)


@pytest.mark.parametrize("channels", [4, 6])
def test_what_came_in_is_added(channels):
    block, x = TemporalBlock(4, channels), torch.randn(2, 4, 9)
    torch.nn.init.zeros_(block.second.gain)
    torch.nn.init.zeros_(block.second.bias)
    torch.testing.assert_close(block(x), block.match(x))
    assert block(x).shape == (2, channels, 9)


@pytest.mark.parametrize("stride", [2, 3, 4])
@pytest.mark.parametrize("upsampling", ["transposed", "interpolate"])
def test_down_and_up_mirror_each_other_in_length(stride, upsampling):
    x = torch.randn(2, 3, 12 * stride)
    y = TemporalDown(3, 5, stride)(x)
    assert y.shape == (2, 5, 12)
    assert TemporalUp(5, 3, stride, upsampling)(y).shape == x.shape


@pytest.mark.parametrize("stride", [2, 4])
@pytest.mark.parametrize("upsampling", ["transposed", "interpolate"])
def test_down_and_up_keep_events_in_their_place(stride, upsampling):
    down = reach(TemporalDown(1, 1, stride), 1, 10 * stride, at=5)
    assert sum(down) / len(down) == 5 * stride + (stride - 1) / 2
    up, y = TemporalUp(1, 1, stride, upsampling), torch.zeros(1, 1, 10)
    with torch.no_grad():
        at_rest = up(y)
        y[0, 0, 5] = 1
        moved = torch.nonzero((up(y) - at_rest)[0, 0].abs() > 1e-7).flatten().tolist()
    assert abs(sum(moved) / len(moved) - (5 * stride + (stride - 1) / 2)) < 1


def test_what_is_not_allowed_is_named():
    with pytest.raises(ConfigError, match="dilation 0"):
        TemporalBlock(2, 2, dilation=0)
    with pytest.raises(ConfigError, match='"sinc"'):
        TemporalUp(2, 2, 2, "sinc")
