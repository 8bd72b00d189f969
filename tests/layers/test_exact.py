# SPDX-License-Identifier: Apache-2.0
"""Layers on a grid: sums of whole numbers, the same in any order and in Python's integers."""

import copy

import pytest
import torch
from torch import nn

from tinify.errors import WeightsError
from tinify.layers import MaskedConv2d, conv, deconv
from tinify.layers.double import in_double
from tinify.layers.exact import check_grid, put_on_grid
from tinify.layers.grid import grid_of, snap

LAYERS = {
    "conv3x3": lambda: conv(24, 20, 3, 1),
    "conv5x5": lambda: conv(12, 8),
    "deconv5x5": lambda: deconv(24, 20),
    "conv1x1": lambda: nn.Conv2d(40, 30, 1),
    "masked": lambda: MaskedConv2d(6, 12, kernel_size=5, padding=2, stride=1),
}


def layer(name, largest=5.0):
    torch.manual_seed(0)
    made = LAYERS[name]()
    put_on_grid(made, largest)
    return made


@pytest.mark.parametrize("name", LAYERS)
def test_outputs_are_whole_steps_and_those_of_integers(name):
    made, x = layer(name), 4 * torch.randn(1, LAYERS[name]().in_channels, 12, 10)
    weight_step, step, _ = grid_of(made)
    out = in_double(made, x)
    steps = out / (weight_step * step)
    assert torch.equal(steps, steps.round())
    whole = copy.deepcopy(made).double()
    with torch.no_grad():
        whole.weight.div_(weight_step)
        whole.bias.div_(weight_step * step)
        assert torch.equal(steps, whole(snap(x.double(), made) / step))


@pytest.mark.parametrize("name", LAYERS)
def test_weights_move_little_and_inputs_beyond_are_cut_off(name):
    torch.manual_seed(0)
    plain, made = LAYERS[name](), layer(name)
    assert (plain.weight - made.weight).abs().max() < 2e-3 * plain.weight.abs().max()
    _, step, top = grid_of(made)
    assert top >= 20
    x = torch.tensor([-1e9, 0.3, 1e9]).double()
    assert snap(x, made).tolist() == [-top, round(0.3 / step) * step, top]


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_order_of_channels_changes_nothing(order):
    """Float sums would differ in their last bits."""
    made, x = layer("conv3x3"), 3 * torch.randn(1, 24, 16, 16)
    shuffled = torch.randperm(24, generator=torch.Generator().manual_seed(order))
    other = layer("conv3x3")
    with torch.no_grad():
        other.weight.copy_(made.weight[:, shuffled])
    assert torch.equal(in_double(other, x[:, shuffled]), in_double(made, x))


def test_tiles_and_plain_sums_are_equal():
    made, x = layer("conv3x3"), 3 * torch.randn(1, 24, 17, 9)
    assert torch.equal(in_double(made, x), made.double()(snap(x.double(), made)))


def test_changed_weights_are_noticed():
    made = layer("conv1x1")
    check_grid(made, "h_s")
    with torch.no_grad():
        made.weight[0, 0] += 1e-7
    with pytest.raises(WeightsError, match="h_s is not on its grid"):
        check_grid(made, "h_s")


def test_other_layers_are_left_alone():
    x = torch.randn(3)
    assert grid_of(nn.ReLU()) is None and snap(x, nn.ReLU()) is x
