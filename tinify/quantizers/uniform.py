# SPDX-License-Identifier: Apache-2.0
"""Scalar quantization on an even grid, and the two ways to train through it."""

from __future__ import annotations

import torch
from torch import Tensor

from tinify.errors import ConfigError
from tinify.ops import quantize_ste
from tinify.quantizers.base import Quantized, Quantizer


class Uniform(Quantizer):
    """Rounds to multiples of `step`. Shapes: any -> the same; symbols are int32."""

    def __init__(self, step: float = 1.0):
        super().__init__()
        if not step > 0:
            raise ConfigError(f"step is {step}; it must be positive")
        self.step = float(step)

    def quantize(self, y: Tensor) -> Tensor:
        return torch.round(y.detach() / self.step).int()

    def dequantize(self, symbols: Tensor) -> Tensor:
        return symbols.float() * self.step


class UniformNoise(Uniform):
    """While training, adds noise uniform in half a step to either side; rounds otherwise.

    Source: Ballé, Laparra, Simoncelli 2017, "End-to-end optimized image compression", arXiv:1611.01704.
    """

    def forward(self, y: Tensor) -> Quantized:
        symbols = self.quantize(y)
        if not self.training:
            return Quantized(self.dequantize(symbols), symbols, self.no_loss(y))
        noise = (torch.rand_like(y) - 0.5) * self.step
        return Quantized(y + noise, symbols, self.no_loss(y))


class UniformSTE(Uniform):
    """Rounds, and lets the gradient pass as if it had not (straight-through estimator).

    Source: Theis, Shi, Cunningham, Huszár 2017, arXiv:1703.00395.
    """

    def forward(self, y: Tensor) -> Quantized:
        return Quantized(quantize_ste(y / self.step) * self.step, self.quantize(y), self.no_loss(y))
