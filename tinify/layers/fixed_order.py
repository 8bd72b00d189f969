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
_WORTH_THREADS = 1 << 23  # products
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
        y = self.sums(x.reshape(-1, x.shape[-1]).contiguous().numpy())
        return torch.from_numpy(y)[:, : self.columns].reshape(*x.shape[:-1], self.columns)

    def sums(self, x: np.ndarray, where: np.ndarray | None = None, offsets: np.ndarray | None = None) -> np.ndarray:
        """x (rows, depth) -> (rows, columns and what fills up a panel), float32. With `where` (rows,) and `offsets`
        (taps,), int64, a row is those of x at one of `where` and the offsets from there, side by side."""
        y = np.empty((len(x if where is None else where), len(self.bias)), np.float32)
        worth = y.size * self.panels.shape[1] >= _WORTH_THREADS
        threads = torch.get_num_threads() if worth else 1
        _core.ordered_affine(x, self.panels, self.bias, y, threads, where, offsets)
        return y

    def split(self, depth: int) -> tuple[Matrix, Matrix]:
        """Of the first `depth` inputs, and of the others, whose sums begin with those of the first."""
        parts = copy.copy(self), copy.copy(self)
        parts[0].panels, parts[1].panels = (
            np.ascontiguousarray(panels) for panels in (self.panels[:, :depth], self.panels[:, depth:])
        )
        return parts


def pointwise(network: nn.Module) -> Pointwise:
    """`network`, of 1x1 convolutions or linear layers, ReLU, LeakyReLU and Softplus, over (..., channels) in a fixed
    order. ConfigError for another layer, or a convolution that sees more than one position."""
    return _pointwise(network)


class Pointwise:
    """Layers that see one position each: (..., channels) -> (..., channels)."""

    def __init__(self, network: nn.Module):
        self.steps = [_step(layer) for layer in flat(network)]
        self._native: dict[int, tuple | None] = {}

    def __call__(self, x: Tensor) -> Tensor:
        return _through(self.steps, x)

    def native(self, depth: int) -> tuple[Matrix, tuple, list[tuple], Callable[[Tensor], Tensor]] | None:
        """The first matrix over `depth` inputs; what it is over the others and the activation; `_core.OrderedWalk`'s
        further layers (weights, bias, activation, slope); what is left. None where it does not begin with a matrix."""
        if depth not in self._native:
            self._native[depth] = self._make_native(depth)
        return self._native[depth]

    def _make_native(self, depth: int) -> tuple[Matrix, tuple, list[tuple], Callable[[Tensor], Tensor]] | None:
        left = [step for step in self.steps if not isinstance(step, nn.Identity)]
        layers: list[tuple] = []
        while left and isinstance(left[0], Matrix):
            matrix, activation = left.pop(0), (0, 0.0)
            if left and isinstance(left[0], nn.ReLU | nn.LeakyReLU):
                activation = _activation(left.pop(0))
            layers.append((matrix, *activation))
        if not layers:
            return None
        first, others = layers[0][0].split(depth)
        last, further = layers[-1][0].columns, [(matrix.panels, matrix.bias, *after) for matrix, *after in layers[1:]]
        return first, (others, *layers[0][1:]), further, lambda y: _through(left, y[..., :last])


def _activation(layer: nn.Module) -> tuple[int, float]:
    return (2, layer.negative_slope) if isinstance(layer, nn.LeakyReLU) else (1, 0.0)


def _through(steps: list[Callable[[Tensor], Tensor]], x: Tensor) -> Tensor:
    return reduce(lambda value, step: step(value), steps, x)


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


_pointwise = Prepared(Pointwise)


def convolved(network: nn.Module) -> Callable[[Tensor], Tensor]:
    """`network`, of convolutions that keep the size, ReLU and LeakyReLU, over (B, C, H, W) in a fixed order.

    ConfigError for another layer, or a convolution with strides, groups, dilation, or another border than zeros."""
    return _convolved(network)


def _make_convolved(network: nn.Module) -> Callable[[Tensor], Tensor]:
    steps = [_convolution(layer) if isinstance(layer, nn.Conv2d) else _step(layer) for layer in flat(network)]
    return lambda x: _through(steps, x.float().permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


_convolved = Prepared(_make_convolved)


def _convolution(layer: nn.Conv2d) -> Callable[[Tensor], Tensor]:
    height, width = layer.kernel_size
    plain = (layer.stride, layer.dilation, layer.groups, layer.padding_mode) == ((1, 1), (1, 1), 1, "zeros")
    if not plain or layer.padding != (height // 2, width // 2) or not height % 2 or not width % 2:
        raise ConfigError(f"a network of {layer} has no fixed order; allowed: convolutions that keep the size")
    return TiledConvolution(layer) if layer.kernel_size == (5, 5) else Convolution(layer)


class TiledConvolution:
    """x (B, H, W, in) -> (B, H, W, out), of 5x5 taps, by Winograd's F(2x2, 5x5): a third of the products."""

    def __init__(self, layer: nn.Conv2d):
        bias = torch.zeros(layer.out_channels) if layer.bias is None else layer.bias.detach().cpu().float()
        self.columns = layer.out_channels
        self.native = _core.OrderedConv(layer.weight.detach().cpu().float().contiguous().numpy(), bias.numpy())

    def __call__(self, x: Tensor) -> Tensor:
        y = torch.empty(*x.shape[:3], self.columns + -self.columns % _PANEL)
        self.native.run(x.detach().contiguous().numpy(), y.numpy(), torch.get_num_threads())
        return y[..., : self.columns]


class Convolution:
    """x (B, H, W, in) -> (B, H, W, out), a `Matrix` over what each place sees: tap by tap, in it channel by channel."""

    def __init__(self, layer: nn.Conv2d):
        self.size = layer.kernel_size
        self.matrix = Matrix(layer.weight.permute(2, 3, 1, 0).flatten(0, 2), layer.bias)

    def __call__(self, x: Tensor) -> Tensor:
        (batch, height, width, channels), (tall, wide) = x.shape, self.size
        padded = F.pad(x, (0, 0, wide // 2, wide // 2, tall // 2, tall // 2)).contiguous().numpy()
        across = width + wide - 1
        rows = (np.arange(batch)[:, None] * (height + tall - 1) + np.arange(height)).reshape(-1, 1) * across
        taps = (np.arange(tall)[:, None] * across + np.arange(wide)).ravel()
        y = self.matrix.sums(padded.reshape(-1, channels), (rows + np.arange(width)).ravel(), taps)
        return torch.from_numpy(y)[:, : self.matrix.columns].reshape(batch, height, width, self.matrix.columns)
