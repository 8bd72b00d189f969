# SPDX-License-Identifier: Apache-2.0
"""Matrices whose sums have a fixed order: the same floats on every machine, with any threads and in any batch."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tinify import _core
from tinify.errors import ConfigError
from tinify.layers.double import flat
from tinify.layers.prepared import Prepared
from tinify.ops import elementary

_PANEL = 32
_WORTH_THREADS = 1 << 26  # products
_ELEMENTWISE = (nn.ReLU, nn.LeakyReLU, nn.Identity)


class Matrix:
    """x (..., depth) float32 -> x weight + bias (..., columns): products and sums are rounded one after the other, from
    the first input to the last, as IEEE 754 has it, so nothing depends on the machine."""

    def __init__(self, weight: Tensor, bias: Tensor | None):
        """weight (depth, columns)."""
        depth, self.columns = weight.shape
        padded = F.pad(weight.detach().cpu().float(), (0, -self.columns % _PANEL))
        self.panels = padded.view(depth, -1, _PANEL).transpose(0, 1).contiguous().numpy()
        bias = torch.zeros(self.columns) if bias is None else bias.detach().cpu().float()
        self.bias = F.pad(bias, (0, -self.columns % _PANEL)).numpy()

    def __call__(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, x.shape[-1]).contiguous()
        y = torch.empty(len(rows), len(self.bias))
        threads = torch.get_num_threads() if rows.numel() * len(self.bias) >= _WORTH_THREADS else 1
        _core.ordered_affine(rows.numpy(), self.panels, self.bias, y.numpy(), threads)
        return y[:, : self.columns].reshape(*x.shape[:-1], self.columns)


def pointwise(network: nn.Module) -> Callable[[Tensor], Tensor]:
    """`network`, of 1x1 convolutions or linear layers, ReLU, LeakyReLU and Softplus, over (..., channels) in a fixed
    order. ConfigError for another layer, or a convolution that sees more than one position."""
    return _pointwise(network)


def _make_pointwise(network: nn.Module) -> Callable[[Tensor], Tensor]:
    steps = [_step(layer) for layer in flat(network)]
    return lambda x: reduce(lambda value, step: step(value), steps, x)


def _step(layer: nn.Module) -> Callable[[Tensor], Tensor]:
    if isinstance(layer, nn.Conv2d) and (layer.kernel_size, layer.stride, layer.groups) == ((1, 1), (1, 1), 1):
        return Matrix(layer.weight[:, :, 0, 0].t(), layer.bias)
    if isinstance(layer, nn.Linear):
        return Matrix(layer.weight.t(), layer.bias)
    if isinstance(layer, nn.Softplus) and layer.beta == 1:
        return lambda x: torch.from_numpy(elementary.softplus(x.numpy())).float()
    if isinstance(layer, _ELEMENTWISE):
        return copy.deepcopy(layer)
    raise ConfigError(
        f"entropy parameters of {layer}; allowed: convolutions of 1x1, stride 1 and one group, linear layers, ReLU, "
        "LeakyReLU and Softplus"
    )


_pointwise = Prepared(_make_pointwise)
