# SPDX-License-Identifier: Apache-2.0
"""A codec and its losses as one module, so that whoever wraps it sees every gradient."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from tinify.models.image.base import ImageCodec
from tinify.training.image.rates import Point

LOSSES = ("loss", "aux", "bpp_loss", "mse_loss")


class Objective(nn.Module):
    """crops ──► codec at the step's rates ──► lmbda 255^2 MSE + bits per pixel, and the loss of the quantiles.

    Gives LOSSES, each a number; their gradients do not meet: only `aux` reaches the quantiles.
    """

    def __init__(self, codec: ImageCodec):
        super().__init__()
        self.codec = codec

    def forward(self, crops: Tensor, points: list[Point]) -> dict[str, Tensor]:
        """crops: uint8 (B, 3, H, W), a share of B / len(points) of them at each point."""
        x = crops.float().div_(255).contiguous(memory_format=torch.channels_last)
        lmbda, weight = (
            torch.tensor(values, device=x.device).repeat_interleave(len(x) // len(points))
            for values in ([point.lmbda for point in points], [point.weight for point in points])
        )
        bits, error = self._coded(x, points)
        bpp, mse = bits / (x.shape[2] * x.shape[3]), error
        loss = (weight * (255**2 * lmbda * mse + bpp)).mean()
        return {"loss": loss, "aux": self.codec.aux_loss(), "bpp_loss": bpp.mean(), "mse_loss": mse.mean()}

    def _coded(self, x: Tensor, points: list[Point]) -> tuple[Tensor, Tensor]:
        """Bits and mean squared error of each item."""
        if len(points) == 1:
            return self._at(x, points[0].level, points[0].first_stage)
        if self.codec.gain is not None:  # takes a level for each item
            levels = torch.tensor([point.level for point in points], device=x.device)
            return self._at(x, levels.repeat_interleave(len(x) // len(points)))
        parts = [self._at(part, point.level) for part, point in zip(x.chunk(len(points)), points, strict=True)]
        return torch.cat([bits for bits, _ in parts]), torch.cat([error for _, error in parts])

    def _at(self, x: Tensor, level: float | Tensor | None, first_stage: bool = False) -> tuple[Tensor, Tensor]:
        out = self.codec(x, level, stage=1) if first_stage else self.codec(x, level)
        return _bits(out["likelihoods"]), (out["x_hat"].float() - x).square().mean((1, 2, 3))


def _bits(likelihoods: Mapping[str, Tensor]) -> Tensor:
    return sum(p.float().log().sum(tuple(range(1, p.dim()))) for p in likelihoods.values()) / -math.log(2)
