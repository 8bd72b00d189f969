# SPDX-License-Identifier: Apache-2.0
"""Matrices whose sums have a fixed order: the same floats on every machine, with any threads and in any batch."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import reduce

import numpy as np
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
_AT_ONCE = 1 << 23  # inputs of a convolution laid out for a matrix
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


def convolved(network: nn.Module) -> Callable[[Tensor], Tensor]:
    """`network`, of convolutions that keep the size, ReLU and LeakyReLU, over (B, C, H, W) in a fixed order.

    ConfigError for another layer, or a convolution with strides, groups, dilation, or another border than zeros."""
    return _convolved(network)


def _make_convolved(network: nn.Module) -> Callable[[Tensor], Tensor]:
    steps = [Convolution(layer) if isinstance(layer, nn.Conv2d) else _step(layer) for layer in flat(network)]
    return lambda x: reduce(lambda value, step: step(value), steps, x.float().permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


_convolved = Prepared(_make_convolved)


class Convolution:
    """x (B, H, W, in) -> (B, H, W, out), a `Matrix` over what each place sees: tap by tap, in it channel by channel."""

    def __init__(self, layer: nn.Conv2d):
        height, width = layer.kernel_size
        plain = (layer.stride, layer.dilation, layer.groups, layer.padding_mode) == ((1, 1), (1, 1), 1, "zeros")
        if not plain or layer.padding != (height // 2, width // 2) or not height % 2 or not width % 2:
            raise ConfigError(f"a network of {layer} has no fixed order; allowed: convolutions that keep the size")
        self.size = height, width
        self.matrix = Matrix(layer.weight.permute(2, 3, 1, 0).flatten(0, 2), layer.bias)

    def __call__(self, x: Tensor) -> Tensor:
        items = [self._one(item) for item in x]
        return torch.stack(items) if items else x.new_zeros(*x.shape[:3], self.matrix.columns)

    def _one(self, x: Tensor) -> Tensor:
        (height, width), (tall, wide) = x.shape[:2], self.size
        padded = np.pad(x.numpy(), ((tall // 2, tall // 2), (wide // 2, wide // 2), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, self.size, axis=(0, 1)).transpose(0, 1, 3, 4, 2)
        rows = max(1, _AT_ONCE // max(1, width * tall * wide * x.shape[2]))
        parts = (windows[top : top + rows] for top in range(0, height, rows))
        return torch.cat([self.matrix(torch.from_numpy(part.reshape(*part.shape[:2], -1))) for part in parts])
