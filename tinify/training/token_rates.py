# SPDX-License-Identifier: Apache-2.0
"""What tokens cost while a codec is trained: running estimates, before there is a prior."""

from __future__ import annotations

import torch
from torch import Tensor

from tinify.quantizers import ResidualQuantizer

_UNSEEN = 0.02  # share of the even distribution in the estimate: bounds the bits of a code that never comes
_PROBE = 512  # vectors on which the error is measured
_RAMP = 0.5  # share of the training over which the weight rises


class TokenRates:
    """Running bits of every code of every stage, and the error that so many stages leave.

    tokens of a batch -> shares of the codes, exponentially averaged -> bits (levels, codebook_size)

    `weight` has the meaning of `Tokenizer.rate_of`: a bit against the squared error of a vector, in units of the mean
    squared error of a number that the stages leave when bits do not count. It rises from 0, or codes would die before
    they found their place.
    """

    def __init__(self, quantizer: ResidualQuantizer, weight: float, decay: float = 0.98):
        levels, size = len(quantizer.stages), quantizer.stages[0].codebook_size
        self.weight, self.decay = float(weight), float(decay)
        self.shares = torch.full((levels, size), 1.0 / size)
        self.errors = torch.full((levels + 1,), torch.nan)

    def bits(self) -> Tensor:
        """Bits of each code (levels, codebook_size)."""
        size = self.shares.shape[1]
        return -torch.log2((1 - _UNSEEN) * self.shares + _UNSEEN / size)

    @torch.no_grad()
    def lmbda(self, quantizer: ResidualQuantizer, y: Tensor, stages: int, share: float) -> float:
        """What a bit weighs for y (..., D) in so many stages, when `share` of the training is over."""
        if not self.weight:
            return 0.0
        flat = y.detach().reshape(-1, y.shape[-1])
        probe = flat[:: max(1, len(flat) // _PROBE)]
        error = (probe - quantizer.dequantize(quantizer.quantize(probe, stages))).square().mean()
        before = self.errors[stages]
        self.errors[stages] = error if before.isnan() else torch.lerp(before, error, 1 - self.decay)
        return self.weight * min(1.0, share / _RAMP) * float(self.errors[stages])

    @torch.no_grad()
    def follow(self, tokens: Tensor) -> None:
        """Takes the tokens (..., levels used) of a batch into the running shares."""
        size = self.shares.shape[1]
        for level in range(tokens.shape[-1]):
            counts = torch.bincount(tokens[..., level].reshape(-1), minlength=size)
            self.shares[level].lerp_(counts / counts.sum().clamp_min(1), 1 - self.decay)
