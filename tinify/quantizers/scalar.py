# SPDX-License-Identifier: Apache-2.0
"""Scalar quantization as tokens: one number, one token."""

from __future__ import annotations

import torch
from torch import Tensor

from tinify.errors import ConfigError
from tinify.quantizers.base import Quantized, Quantizer
from tinify.quantizers.rvq import ResidualQuantizer
from tinify.quantizers.search import nearest


class ScalarStage(Quantizer):
    """Number `index` of a vector as a token: rounded to multiples of `step`, clipped to a codebook's range.

    y (..., D) -> round(y_index / step) + zero, within [0, codebook_size - 1] -> token (...) -> zeros but at `index`
    """

    step: Tensor

    def __init__(self, dim: int, index: int, codebook_size: int = 64, step: float = 0.5):
        super().__init__()
        if not 0 <= index < dim or codebook_size < 2 or not step > 0:
            raise ConfigError(
                f"index is {index} of {dim}, codebook_size {codebook_size}, step {step}; allowed: an index within dim, "
                "at least 2 codes, a positive step"
            )
        self.dim, self.index, self.codebook_size = int(dim), int(index), int(codebook_size)
        self.zero = self.codebook_size // 2
        self.register_buffer("step", torch.tensor(float(step)))

    def values(self) -> Tensor:
        """What the tokens stand for, (codebook_size,)."""
        return (torch.arange(self.codebook_size, device=self.step.device) - self.zero) * self.step

    @torch.no_grad()
    def quantize(self, y: Tensor, rate: Tensor | None = None, lmbda: float = 0.0) -> Tensor:
        """Tokens (...) int64 of y (..., D). `rate`: bits of each code, (K,) or (..., K), weighed with `lmbda`."""
        number = y[..., self.index]
        if rate is not None and lmbda > 0:
            return nearest(number[..., None], self.values()[:, None], rate, lmbda)
        return (torch.round(number / self.step).long() + self.zero).clamp(0, self.codebook_size - 1)

    def dequantize(self, symbols: Tensor) -> Tensor:
        """Vectors (..., D) that are zero but at `index`."""
        y = self.step.new_zeros((*symbols.shape, self.dim))
        y[..., self.index] = (symbols - self.zero) * self.step
        return y

    def forward(self, y: Tensor, rate: Tensor | None = None, lmbda: float = 0.0) -> Quantized:
        tokens = self.quantize(y, rate, lmbda)
        code = self.dequantize(tokens)
        return Quantized(y + (code - y).detach(), tokens, self.no_loss(y))


class ScalarTokens(ResidualQuantizer):
    """Every number of a vector is a token: level i of the tokens is dimension i.

        y (..., D) -> training: y + noise within half a step; else rounded -> tokens (..., n) -> y_hat, n numbers of it

    The scalar sibling of residual vector quantization: same tokens, same priors, but one of D levels a dimension. The
    first n dimensions alone are a coarser codec. `forward` gives `bits`, which has a gradient: the bits of the noisy
    numbers under `rate`, interpolated between the codes beside them.

    Source: Ballé, Laparra, Simoncelli 2017, arXiv:1611.01704; differs from the paper in the codebook's range and in the
    rate, which is a table.
    """

    def __init__(self, dim: int, codebook_size: int = 64, step: float = 0.5):
        super().__init__([ScalarStage(dim, index, codebook_size, step) for index in range(dim)])
        self.dim = int(dim)

    def dequantize(self, symbols: Tensor) -> Tensor:
        # All numbers at once: what the stages would add up to.
        stages = self.stages[: symbols.shape[-1]]
        y = stages[0].step.new_zeros((*symbols.shape[:-1], self.dim))
        y[..., : len(stages)] = (symbols - stages[0].zero) * torch.stack([stage.step for stage in stages])
        return y

    def forward(
        self, y: Tensor, stages: int | None = None, rate: Tensor | None = None, lmbda: float = 0.0
    ) -> Quantized:
        stages = self.draw(stages)
        tokens = self.quantize(y, stages)
        coded = self.dequantize(tokens)
        if not self.training:
            return Quantized(y + (coded - y).detach(), tokens, self.no_loss(y))
        noisy = y[..., :stages] + (torch.rand_like(y[..., :stages]) - 0.5) * self.stages[0].step
        values = self.stages[0].values()
        # Clipped like the rounded numbers, but the gradient passes, so that what lies beyond can come back.
        kept = noisy + (noisy.clamp(values[0], values[-1]) - noisy).detach()
        y_hat = torch.cat([kept, torch.zeros_like(y[..., stages:])], -1)
        return Quantized(y_hat, tokens, self.no_loss(y), None if rate is None else self._bits(noisy, rate))

    def _bits(self, noisy: Tensor, rate: Tensor) -> Tensor:
        first = self.stages[0]
        positions = (noisy / first.step + first.zero).reshape(-1, noisy.shape[-1]).t()
        low = positions.detach().floor().clamp(0, first.codebook_size - 2)
        below, above = (rate[: len(low)].gather(1, low.long() + more) for more in (0, 1))
        return (below + (positions - low) * (above - below)).sum(0).reshape(noisy.shape[:-1])
