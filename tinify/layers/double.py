# SPDX-License-Identifier: Apache-2.0
"""A network in float64, for numbers that must come out alike on both ends."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tinify.layers.prepared import Prepared


def in_double(network: nn.Module, x: Tensor) -> Tensor:
    """`network(x)` in float64, contiguous, one item of the batch after the other: (B, ...) -> float64 (B, ...).

    A float32 convolution changes in its last bits with the thread count, the memory layout and the batch, and one
    scale that crosses a step of its table loses the rest of the stream. In float64 the difference is 1e-14 and a step
    is practically never crossed; where it is, the coder's check says so (DesyncError).
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
    layers = double if isinstance(double, nn.Sequential) else [double]
    return [Winograd3x3(layer) if _is_plain_3x3(layer) else layer for layer in layers]


_steps = Prepared(_make_steps)


def _is_plain_3x3(layer: nn.Module) -> bool:
    if type(layer) is not nn.Conv2d or layer.groups != 1 or layer.padding_mode != "zeros":
        return False
    return (layer.kernel_size, layer.stride, layer.padding, layer.dilation) == ((3, 3), (1, 1), (1, 1), (1, 1))


_INPUT = torch.tensor(
    [[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0], [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0],
     [0, 4, 0, -5, 0, 1]], dtype=torch.float64,
)  # fmt: skip
_KERNEL = torch.tensor(
    [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]], dtype=torch.float64
) / torch.tensor(24.0)
_OUTPUT = torch.tensor(
    [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], dtype=torch.float64
)


class Winograd3x3:
    """A 3x3 convolution in tiles of 4x4 outputs with a quarter of the products: (1, C, H, W) -> (1, out, H, W), float64.

    Source: Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural Networks", arXiv:1509.09308, F(4x4, 3x3).
    """

    def __init__(self, layer: nn.Conv2d):
        kernel = _KERNEL.to(layer.weight.device)
        self.kernel = torch.einsum("ij,ocjk,lk->iloc", kernel, layer.weight, kernel).flatten(0, 1).contiguous()
        self.bias = None if layer.bias is None else layer.bias[:, None, None]
        self.inputs, self.outputs = _INPUT.to(kernel.device), _OUTPUT.to(kernel.device)

    def __call__(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        rows, columns = -(-height // 4), -(-width // 4)
        padded = F.pad(x[0], (1, 4 * columns - width + 1, 1, 4 * rows - height + 1))
        tiles = padded.unfold(1, 6, 4).unfold(2, 6, 4)  # (C, rows, columns, 6, 6)
        spread = torch.einsum("ij,crwjk,lk->ilcrw", self.inputs, tiles, self.inputs).reshape(36, len(padded), -1)
        products = torch.bmm(self.kernel, spread).reshape(6, 6, -1, rows, columns)
        y = torch.einsum("pi,ijorw,qj->orpwq", self.outputs, products, self.outputs)
        y = y.reshape(-1, 4 * rows, 4 * columns)[:, :height, :width]
        return (y if self.bias is None else y + self.bias)[None]
