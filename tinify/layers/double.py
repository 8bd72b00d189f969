# SPDX-License-Identifier: Apache-2.0
"""A network in float64, for numbers that must come out alike on both ends."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tinify.layers.convolutions import subpixel_weight
from tinify.layers.grid import grid_of, snap
from tinify.layers.prepared import Prepared


def in_double(network: nn.Module, x: Tensor) -> Tensor:
    """`network(x)` in float64, contiguous, one item of the batch after the other: (B, ...) -> float64 (B, ...).

    A float32 convolution changes in its last bits with the thread count, the memory layout and the batch, and one
    scale that crosses a step of its table loses the rest of the stream. In float64 the difference is 1e-14 and a step
    is practically never crossed; where it is, the coder's check says so (DesyncError). Of convolutions on a grid
    (`layers.exact`) there is no difference: all their sums are exact.
    """
    steps = _steps(network)
    items = []
    for item in x.double().contiguous().split(1):
        for step in steps:
            item = step(item)
        items.append(item)
    return torch.cat(items) if items else x.double()


def _make_steps(network: nn.Module) -> list[Callable[[Tensor], Tensor]]:
    double = copy.deepcopy(network).double().requires_grad_(False)
    steps: list[Callable[[Tensor], Tensor]] = []
    for layer in flat(double):
        if grid_of(layer) is not None:
            steps.append(partial(snap, layer=layer))
        steps.append(tiled(layer) or layer)
    return steps


def flat(network: nn.Module) -> list[nn.Module]:
    """The layers of sequences within sequences, in order."""
    return [layer for part in network for layer in flat(part)] if isinstance(network, nn.Sequential) else [network]


_steps = Prepared(_make_steps)


def tiled(layer: nn.Module) -> Winograd3x3 | None:
    """An equal of a 3x3 convolution, or of a transposed one that doubles the size; None for other layers."""
    if type(layer) not in (nn.Conv2d, nn.ConvTranspose2d) or layer.groups != 1 or layer.padding_mode != "zeros":
        return None
    shape = layer.kernel_size, layer.stride, layer.padding, layer.dilation
    if isinstance(layer, nn.Conv2d):
        return Winograd3x3(layer.weight, layer.bias) if shape == ((3, 3), (1, 1), (1, 1), (1, 1)) else None
    if shape == ((5, 5), (2, 2), (2, 2), (1, 1)) and layer.output_padding == (1, 1):
        bias = None if layer.bias is None else layer.bias.repeat_interleave(4)
        return Winograd3x3(subpixel_weight(layer.weight, 2), bias, enlarge=2)
    return None


# Transforms of a tile's input, of a kernel and to a tile's output, for one direction.
_INPUT = torch.tensor(
    [[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0], [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0],
     [0, 4, 0, -5, 0, 1]], dtype=torch.float64,
)  # fmt: skip
_KERNEL = torch.tensor(
    [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]], dtype=torch.float64
)  # 24 times the transform, so that whole weights stay whole
_SCALE = 24.0**2
_OUTPUT = torch.tensor(
    [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], dtype=torch.float64
)


class Winograd3x3:
    """A 3x3 convolution in tiles of 4x4 outputs, with a quarter of the products, in float64.

    (1, C, H, W) -> (1, out, H, W), or with `enlarge` r (1, out / r^2, r H, r W): the pixels of r x r come as channels.
    Source: Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural Networks", arXiv:1509.09308, F(4x4, 3x3).
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, enlarge: int = 1):
        transform = torch.kron(_KERNEL, _KERNEL).to(weight.device)  # (36, 9)
        self.kernel = (transform @ weight.flatten(2).permute(2, 0, 1).flatten(1)).unflatten(1, weight.shape[:2])
        self.bias, self.enlarge = None if bias is None else bias[:, None, None], enlarge
        self.inputs = torch.kron(_INPUT, _INPUT).to(weight.device)
        self.outputs = torch.kron(_OUTPUT, _OUTPUT).to(weight.device)

    def largest_sum(self) -> float:
        """How large a number on the way to any output can be, of inputs from -1 to 1."""
        spread = self.inputs.abs().sum(1)[:, None] * self.kernel.abs().sum(2)
        return float((self.outputs.abs() @ spread).max())

    def __call__(self, x: Tensor) -> Tensor:
        (channels, height, width), outputs = x.shape[1:], self.kernel.shape[1]
        rows, columns = -(-height // 4), -(-width // 4)
        padded = F.pad(x[0], (1, 4 * columns - width + 1, 1, 4 * rows - height + 1))
        tiles = padded.unfold(1, 6, 4).unfold(2, 6, 4).permute(3, 4, 0, 1, 2).reshape(36, -1)
        spread = (self.inputs @ tiles).reshape(36, channels, rows * columns)
        y = (self.outputs @ torch.bmm(self.kernel, spread).reshape(36, -1)).div_(_SCALE)
        y = y.reshape(4, 4, outputs, rows, columns).permute(2, 3, 0, 4, 1).reshape(outputs, 4 * rows, 4 * columns)
        y = y[:, :height, :width]
        y = (y if self.bias is None else y + self.bias)[None]
        return F.pixel_shuffle(y, self.enlarge) if self.enlarge > 1 else y
