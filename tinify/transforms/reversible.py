# SPDX-License-Identifier: Apache-2.0
"""Reversible transforms of colours, and which of them leaves least to code of a picture."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from tinify.errors import FormatError, InputError
from tinify.transforms.colour import RctAnalysis, RctSynthesis

_EVERY = 4  # of so many rows, one is looked at


class ReversibleColours:
    """x (3, H, W) int32 red, green, blue <-> y (3, H, W) int32 by the transform of a number, exactly.

                  ┌ 0  rct: floor((R + 2 G + B) / 4), B - G, R - G
        x ──► y ──┤ 1  ycgco-r: luma, G - (R + B) / 2, R - B
                  ├ 2  R, G - R, B - (R + G) / 2
                  └ 3  G, B - G, R - (G + B) / 2

    Which is best depends on the camera, and on what became of its picture, more than on what is on it.

    Source: ITU-T T.800 (rct); Malvar, Sullivan 2003 (YCoCg-R); Strutz 2013, "Multiplierless reversible color transforms
    and their automatic selection for image data compression".
    """

    count = 4

    def choose(self, x: Tensor) -> int:
        """The number of the transform whose planes have the smallest second differences."""
        return int(np.argmin([_bits(self.analysis(x, number)) for number in range(self.count)]))

    def analysis(self, x: Tensor, number: int) -> Tensor:
        """InputError unless x is (3, H, W) int32."""
        if x.dim() != 3 or x.shape[0] != 3 or x.dtype != torch.int32:
            raise InputError(f"{x.dtype} of shape {tuple(x.shape)}; allowed: int32 of (3, H, W)")
        return _TRANSFORMS[number][0](x)

    def synthesis(self, y: Tensor, number: int) -> Tensor:
        """FormatError where there is no such transform."""
        if not 0 <= number < self.count:
            raise FormatError(f"transform of colours {number} is unknown: the file is damaged, or of a later version")
        return _TRANSFORMS[number][1](y)


def _bits(planes: Tensor) -> float:
    """About what a number of the planes costs, in all of them."""
    total = 0.0
    for plane in planes.numpy():
        rows = np.arange(1, plane.shape[0] - 1, _EVERY)
        middle = plane[rows]
        along = middle[:, 1:-1] - ((middle[:, :-2] + middle[:, 2:]) >> 1)
        across = middle - ((plane[rows - 1] + plane[rows + 1]) >> 1)
        for differences in (along, across):
            counts = np.bincount(np.abs(differences).ravel(), minlength=1)
            total += float(counts @ np.log2(1.0 + np.arange(len(counts)))) / max(differences.size, 1)
    return total


def _to_ycgco(x: Tensor) -> Tensor:
    red, green, blue = x
    orange = red - blue
    middle = blue + (orange >> 1)
    greenish = green - middle
    return torch.stack((middle + (greenish >> 1), greenish, orange))


def _from_ycgco(y: Tensor) -> Tensor:
    luma, greenish, orange = y
    middle = luma - (greenish >> 1)
    blue = middle - (orange >> 1)
    return torch.stack((blue + orange, greenish + middle, blue))


def _differences(first: int, second: int, third: int) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
    """One colour as it is, another less that one, and the third less the mean of both."""

    def forth(x: Tensor) -> Tensor:
        return torch.stack((x[first], x[second] - x[first], x[third] - ((x[first] + x[second]) >> 1)))

    def back(y: Tensor) -> Tensor:
        x = torch.empty_like(y)
        x[first], x[second] = y[0], y[1] + y[0]
        x[third] = y[2] + ((x[first] + x[second]) >> 1)
        return x

    return forth, back


_TRANSFORMS = (
    (RctAnalysis(), RctSynthesis()),
    (_to_ycgco, _from_ycgco),
    _differences(0, 1, 2),
    _differences(1, 2, 0),
)
