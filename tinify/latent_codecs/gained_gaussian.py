# SPDX-License-Identifier: Apache-2.0
"""Gaussians at any step of quantization, with points of reconstruction that a small network moves."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tinify.errors import ConfigError
from tinify.latent_codecs.base import LatentForward
from tinify.latent_codecs.gaussian_conditional import GaussianConditionalLatentCodec
from tinify.layers.fixed_order import pointwise
from tinify.ops import quantize_ste

Parts = tuple[Tensor, "Tensor | None"]


class GainedGaussianLatentCodec(GaussianConditionalLatentCodec):
    """Codes y with a step of 1 / gain; scales and means are those of y.

        (y - means) * gain ──► round ──► q ──► (q - sign(q) offsets(scales * gain, gain)) / gain + means ──► y_hat

    `offsets`: linear layers and ReLU from 2 numbers to 1, or None for none; they run in an order that is the same on
    every machine when coding. `gain` > 0: larger is finer.

    Source: Kamisli, Racapé, Choi 2024, arXiv:2402.18930.
    """

    def __init__(self, *args: Any, gain: float, offsets: nn.Sequential | None = None, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if not 0 < gain < float("inf"):
            raise ConfigError(f"gain is {gain}; allowed: positive numbers")
        self.gain, self.offsets = float(gain), offsets

    def indexes(self, parts: Parts) -> Tensor:
        return super().indexes((parts[0] * self.gain, None))

    def symbols(self, y: Tensor, parts: Parts) -> Tensor:
        return super().symbols(self._relative(y, parts[1]), (parts[0], None))

    def values(self, symbols: Tensor, parts: Parts, dtype: torch.dtype = torch.float) -> Tensor:
        scales, means = parts
        q = symbols.double()
        where = q != 0
        if self.offsets is not None and where.any():
            bound = self.gaussian_conditional.scale_bound.item()
            spread = (scales.double() * self.gain).clamp_min(bound)[where].float()
            moved = pointwise(self.offsets)(torch.stack([spread, torch.full_like(spread, self.gain)], -1))
            q[where] -= q[where].sign() * moved[:, 0]
        y_hat = q / self.gain
        return (y_hat if means is None else y_hat + means.double()).to(dtype)

    def forward(self, y: Tensor, ctx_params: Tensor) -> LatentForward:
        scales, means = self.scales_and_means(ctx_params)
        scaled, spread = self._relative(y, means), scales.to(y.dtype) * self.gain
        likelihoods = self.gaussian_conditional(scaled, spread)[1]
        q = quantize_ste(scaled)
        where = q.detach() != 0
        if self.offsets is not None and where.any():
            bounded = self.gaussian_conditional.lower_bound_scale(spread)[where]
            moved = self.offsets(torch.stack([bounded, torch.full_like(bounded, self.gain)], -1))[:, 0]
            q = q - q.detach().sign() * torch.zeros_like(q).masked_scatter(where, moved)
        y_hat = q / self.gain
        return LatentForward({"y": likelihoods}, y_hat if means is None else y_hat + means)

    def _relative(self, y: Tensor, means: Tensor | None) -> Tensor:
        return (y if means is None else y - means) * self.gain
