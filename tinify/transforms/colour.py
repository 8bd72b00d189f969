# SPDX-License-Identifier: Apache-2.0
"""Colour transforms: YCbCr for what is coded with loss, the reversible one for what is not."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from tinify import _core
from tinify.errors import InputError
from tinify.transforms import native

_RED, _GREEN, _BLUE = 0.299, 0.587, 0.114
_FROM_BLUE, _FROM_RED = 2 * (1 - _BLUE), 2 * (1 - _RED)
_FROM_RGB = [
    [_RED, _GREEN, _BLUE],
    [-_RED / _FROM_BLUE, -_GREEN / _FROM_BLUE, 0.5],
    [0.5, -_GREEN / _FROM_RED, -_BLUE / _FROM_RED],
]
_TO_RGB = [
    [1.0, 0.0, _FROM_RED],
    [1.0, -_BLUE * _FROM_BLUE / _GREEN, -_RED * _FROM_RED / _GREEN],
    [1.0, _FROM_BLUE, 0.0],
]

YCBCR_STEPS = tuple(math.sqrt(3) / math.hypot(*column) for column in zip(*_TO_RGB, strict=True))
"""Steps of Y, Cb, Cr (1, 0.96, 1.10) at which rounding errs by the same amount in RGB, seen over the three."""


class _Matrix(nn.Module):
    """A matrix on the channels."""

    matrix: ClassVar[list[list[float]]]

    def forward(self, x: Tensor) -> Tensor:
        _check(x, x.is_floating_point(), "floats")
        if x.dtype == torch.float32 and native.suits(x):
            return self._native(x.detach().contiguous())
        return (x.new_tensor(self.matrix) @ x.flatten(-2)).view(x.shape)

    def _native(self, x: Tensor) -> Tensor:
        """The same bits on every machine and for any number of threads, which products of matrices do not promise."""
        y, matrix = torch.empty_like(x), x.new_tensor(self.matrix)
        size = (-1, *x.shape[-3:])
        for one, mixed in zip(x.reshape(size), y.view(size), strict=True):
            _core.mix_planes(one, matrix, mixed)
        return y


class YcbcrAnalysis(_Matrix):
    """x (..., 3, H, W) red, green, blue -> y (..., 3, H, W) luma, in the range of x, and Cb, Cr, around 0.

    Y = 0.299 R + 0.587 G + 0.114 B, Cb = (B - Y) / 1.772, Cr = (R - Y) / 1.402: the full range of JFIF, but without its
    offset of half the range on Cb and Cr.
    Source: ITU-R BT.601, ITU-T T.871.
    """

    matrix = _FROM_RGB


class YcbcrSynthesis(_Matrix):
    """y_hat (..., 3, H, W) -> x_hat red, green, blue, the mirror of `YcbcrAnalysis`; nothing is clipped."""

    matrix = _TO_RGB


class RctAnalysis(nn.Module):
    """x (..., 3, H, W) red, green, blue -> y: floor((R + 2 G + B) / 4), B - G, R - G.

    Exact on int32 and int64; floats are not rounded, so that there is a gradient. Differences need one bit more.
    Source: ITU-T T.800, annex G.2.
    """

    def forward(self, x: Tensor) -> Tensor:
        red, green, blue = _whole(x).unbind(-3)
        return torch.stack((_quarter(red + 2 * green + blue), blue - green, red - green), -3)


class RctSynthesis(nn.Module):
    """y_hat (..., 3, H, W) -> x_hat red, green, blue, the mirror of `RctAnalysis`."""

    def forward(self, y_hat: Tensor) -> Tensor:
        luma, blue, red = _whole(y_hat).unbind(-3)
        green = luma - _quarter(blue + red)
        return torch.stack((red + green, green, blue + green), -3)


def _quarter(total: Tensor) -> Tensor:
    return total / 4 if total.is_floating_point() else total >> 2


def _whole(x: Tensor) -> Tensor:
    return _check(x, x.is_floating_point() or x.dtype in (torch.int32, torch.int64), "int32, int64 and floats")


def _check(x: Tensor, fits: bool, allowed: str) -> Tensor:
    if not fits or x.dim() < 3 or x.shape[-3] != 3:
        raise InputError(f"{x.dtype} of shape {tuple(x.shape)}; allowed: {allowed} of (..., 3, H, W)")
    return x
