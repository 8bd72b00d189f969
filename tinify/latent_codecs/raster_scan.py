# SPDX-License-Identifier: Apache-2.0
"""Places row after row, each with all before it known; coded along wavefronts."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from tinify.latent_codecs.base import LatentForward
from tinify.latent_codecs.context import ContextLatentCodec


class RasterScanLatentCodec(ContextLatentCodec):
    """Codes y (B, C, H, W) under a causal context; parameters are those of `ContextLatentCodec`.

        1 2 3 4 5 6      step of a place, for a mask of radius 1: it needs the row above up to one place
        3 4 5 6 7 8      further on, so all places of one number can be coded at once
        5 6 7 8 9 ...

    W + (r + 1)(H - 1) steps for a mask of radius r in place of W H, the same in encoder and decoder. `forward` predicts
    from y rounded, or with noise, without its means, as published models were trained; coding, from what is decoded.
    With `recursive` it does so, too: y_hat is found along the wavefronts, then all is predicted from it at once;
    gradients go through it as if it were y.

    Source: van den Oord et al. 2016, arXiv:1606.05328; Minnen, Ballé, Toderici 2018, arXiv:1809.02736.
    """

    side_first = True

    def __init__(self, *args: Any, recursive: bool = False, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.recursive = recursive

    def steps(self, height: int, width: int) -> list[Tensor]:
        reach = self.context_prediction.weight.shape[2] // 2
        number = (reach + 1) * torch.arange(height)[:, None] + torch.arange(width)
        order = number.flatten().argsort(stable=True)
        counts = number.flatten().bincount() if height and width else number.new_zeros(0)
        return [places for places in order.split(counts.tolist()) if len(places)]

    def forward(self, y: Tensor, params: Tensor) -> LatentForward:
        known = self._known(y, params)
        context = self.context_prediction(known)
        if self.context_shift is not None:
            context = context + self.context_shift.to(y.dtype)[:, None, None]
        out = self.y(y, self.entropy_parameters(self.merged(context, params.to(y.dtype), 1)))
        return LatentForward({"y": out.likelihoods["y"]}, out.y_hat if self.recursive else known)

    def _known(self, y: Tensor, params: Tensor) -> Tensor:
        """What the context sees of y."""
        gaussian = self.y.gaussian_conditional
        if not self.recursive:
            return gaussian.quantize(y, "noise" if gaussian.training else "dequantize")
        with torch.no_grad():
            flat = y.flatten(2)
            y_hat = self._walk(y.shape, params, lambda places, parts: self.y.rounded(flat[:, :, places], parts))
        return y + (y_hat.to(y.dtype) - y).detach()
