# SPDX-License-Identifier: Apache-2.0
"""Fewer samples of chroma than of luma: 4:2:0, 4:2:2 and their like."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tinify.errors import ConfigError, InputError

_MODES = {"triangle": "bilinear", "box": "nearest"}


class _Subsample(nn.Module):
    def __init__(self, factors: Sequence[int] = (2, 2), filter: str = "triangle"):
        super().__init__()
        if len(factors) != 2 or any(factor < 1 for factor in factors) or filter not in _MODES:
            raise ConfigError(
                f"factors are {list(factors)}, filter {filter!r}; allowed: two numbers from 1 (down, across) and "
                f"{' or '.join(map(repr, _MODES))}"
            )
        self.factors, self.filter = (int(factors[0]), int(factors[1])), filter


class SubsampleAnalysis(_Subsample):
    """x (B, C, H, W) -> first channel (B, 1, H, W), the others (B, C - 1, ceil(H / down), ceil(W / across)).

    Means over blocks of `factors` (down, across) samples: (2, 2) is 4:2:0, (1, 2) is 4:2:2. Of odd sizes the last row
    and column are repeated to fill the last blocks.
    """

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if x.dim() != 4 or x.shape[1] < 2:
            raise InputError(f"a tensor of shape {tuple(x.shape)}; allowed: (B, C, H, W), C from 2")
        first, others = x[:, :1], x[:, 1:]
        bottom, right = (-size % factor for size, factor in zip(x.shape[2:], self.factors, strict=True))
        if bottom or right:
            others = F.pad(others, (0, right, 0, bottom), mode="replicate")
        return first, F.avg_pool2d(others, self.factors)


class SubsampleSynthesis(_Subsample):
    """(first, others) -> x_hat (B, C, H, W), H and W those of `first`.

    `filter`: "triangle" weighs the two nearest samples along an axis, at factor 2 by 3/4 and 1/4 as common JPEG
    decoders do; "box" repeats samples.
    """

    def forward(self, y_hat: tuple[Tensor, Tensor]) -> Tensor:
        first, others = y_hat
        height, width = first.shape[2:]
        expected = (len(first), -(-height // self.factors[0]), -(-width // self.factors[1]))
        if (len(others), *others.shape[2:]) != expected:
            raise InputError(
                f"others are of shape {tuple(others.shape)}; allowed beside {tuple(first.shape)}: batch, height and "
                f"width of {expected}"
            )
        even = None if self.filter == "box" else False
        scale = tuple(float(factor) for factor in self.factors)
        grown = F.interpolate(others, scale_factor=scale, mode=_MODES[self.filter], align_corners=even)
        return torch.cat((first, grown[..., :height, :width]), 1)
