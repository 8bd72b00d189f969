# SPDX-License-Identifier: Apache-2.0
"""Convolutions that see only what a decoder already has."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class MaskedConv2d(nn.Conv2d):
    """Convolution over what comes before a pixel in raster order; arguments are those of `nn.Conv2d`.

        1 1 1 1 1
        1 1 1 1 1        mask_type "A": c = 0, the pixel itself is unseen (a first layer)
        1 1 c 0 0        mask_type "B": c = 1, it is seen (the layers after it)
        0 0 0 0 0
        0 0 0 0 0

    `weight` is never written: the mask, a buffer of its shape, is multiplied in, and masked taps get no gradient.
    Shapes: (B, in, H, W) -> (B, out, H', W'). Source: van den Oord et al. 2016, arXiv:1606.05328.
    """

    mask: Tensor

    def __init__(self, *args: Any, mask_type: str = "A", **kwargs: Any):
        super().__init__(*args, **kwargs)
        if mask_type not in ("A", "B"):
            raise ValueError(f'mask_type is {mask_type!r}; allowed: "A", "B"')
        mask = self._seen(*self.kernel_size, mask_type == "B").to(self.weight)
        self.register_buffer("mask", mask.expand_as(self.weight).clone())

    @staticmethod
    def _seen(height: int, width: int, centre: bool) -> Tensor:
        places = torch.arange(height * width).view(height, width)
        return places < places[height // 2, width // 2] + centre

    @property
    def masked_weight(self) -> Tensor:
        """The weight that convolves: (out, in / groups, height, width)."""
        return self.weight * self.mask

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.masked_weight, self.bias)


class CheckerboardMaskedConv2d(MaskedConv2d):
    """Convolution over the pixels of the other colour of a checkerboard; `mask_type` as in MaskedConv2d.

        0 1 0 1 0
        1 0 1 0 1
        0 1 c 1 0        c = 1 with mask_type "B"
        1 0 1 0 1
        0 1 0 1 0

    Shapes: (B, in, H, W) -> (B, out, H', W'). Source: He et al. 2021, arXiv:2103.15306.
    """

    @staticmethod
    def _seen(height: int, width: int, centre: bool) -> Tensor:
        seen = (torch.arange(height)[:, None] + torch.arange(width)) % 2 == 1
        seen[height // 2, width // 2] = centre
        return seen
