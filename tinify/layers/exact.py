# SPDX-License-Identifier: Apache-2.0
"""Convolutions whose sums are exact: on any machine, with any threads, the same numbers."""

from __future__ import annotations

import copy
import math

import torch
from torch import nn

from tinify.errors import WeightsError
from tinify.layers.double import tiled
from tinify.layers.grid import grid_of

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)
_EXACT = 2.0**53  # float64 holds every whole number up to here
_INPUT_BITS, _WEIGHT_BITS = 14, 16
_MARGIN = 4  # inputs so many times as large as those seen are kept; larger ones are cut off


@torch.no_grad()
def put_on_grid(layer: nn.Module, largest_input: float) -> None:
    """Rounds the weights of a convolution to a grid, and notes it and that of its inputs in the buffer `grid`.

    `largest_input`: that was seen. All products are then multiples of one step, and all their sums, in whatever order
    and in tiles too, less than 2^53 of these: float64 holds them exactly.

    Source: Ballé, Johnston, Minnen 2019, "Integer networks for data compression with latent-variable models" (ICLR);
    here in whole numbers that float64 holds, which common libraries multiply quickly.
    """
    top = _power_above(_MARGIN * max(largest_input, 2.0**-8))
    step = top / 2**_INPUT_BITS
    weight_step = _power_above(max(float(layer.weight.abs().max()), 2.0**-30)) / 2**_WEIGHT_BITS
    exact = layer.weight.double()
    while True:
        layer.weight.copy_((exact / weight_step).round() * weight_step)
        if 2 * _largest_sum(layer) / weight_step * 2**_INPUT_BITS < _EXACT:
            break
        weight_step *= 2
    if layer.bias is not None:
        layer.bias.copy_((layer.bias.double() / (weight_step * step)).round() * weight_step * step)
    exponents = [int(math.log2(value)) for value in (weight_step, step, top)]
    layer.register_buffer("grid", torch.tensor(exponents, dtype=torch.int16, device=layer.weight.device))


def check_grid(layer: nn.Module, name: str) -> None:
    """WeightsError where weights are not on the grid that the layer names, or sums could be more than float64 holds."""
    weight_step, step, top = grid_of(layer)
    whole = layer.weight.detach().double() / weight_step
    if not torch.equal(whole, whole.round()) or _largest_sum(layer) / weight_step * top / step >= _EXACT:
        raise WeightsError(
            f"{name} is not on its grid of {weight_step}: its weights were changed after the grid was set; "
            "call tinify.quantize_entropy_path again"
        )


def _largest_sum(layer: nn.Module) -> float:
    """How large a number on the way to an output can be, of inputs from -1 to 1."""
    weight = layer.weight.detach().double()
    outputs = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
    plain = float(weight.abs().sum([axis for axis in range(4) if axis != outputs]).max())
    tiles = tiled(copy.deepcopy(layer).double().requires_grad_(False))
    return plain if tiles is None else max(plain, tiles.largest_sum())


def _power_above(value: float) -> float:
    return 2.0 ** math.ceil(math.log2(value))
