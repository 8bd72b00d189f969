# SPDX-License-Identifier: Apache-2.0
"""A quantizer whose step is learned, one for each channel."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tinify.quantizers import Quantized, Quantizer


class LearnedStep(Quantizer):
    """Rounds to multiples of a step that is trained with the codec; uniform noise in place of rounding while training.

    y (B, C, H, W) -> round(y / step) -> symbols, int32, the same shape -> symbols * step -> y_hat
    """

    def __init__(self, channels: int):
        super().__init__()
        self.log_step = nn.Parameter(torch.zeros(channels, 1, 1))

    @property
    def step(self) -> Tensor:
        """(C, 1, 1), positive."""
        return self.log_step.exp()

    @torch.no_grad()
    def quantize(self, y: Tensor) -> Tensor:
        return torch.round(y / self.step).int()

    @torch.no_grad()
    def dequantize(self, symbols: Tensor) -> Tensor:
        return symbols * self.step

    def forward(self, y: Tensor) -> Quantized:
        symbols = self.quantize(y)
        if not self.training:
            return Quantized(self.dequantize(symbols), symbols, self.no_loss(y))
        noise = torch.rand_like(y) - 0.5
        return Quantized(y + noise * self.step, symbols, self.no_loss(y))
