# SPDX-License-Identifier: Apache-2.0
"""Lookup-free quantization: the signs of a few numbers are the bits of a token."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from tinify.errors import ConfigError
from tinify.quantizers.projected import ProjectedGrid

_LN2 = 0.6931471805599453
_PROBE = 256  # vectors that the entropies are taken over


class LookupFreeQuantizer(ProjectedGrid):
    """The signs of log2(K) numbers are the bits of the token, lowest first.

        y (..., D) -> plane (..., log2 K) -> signs -> sum_i 2^i [z_i > 0] -> token

    Two losses, in units of what a bit is worth in y: `commitment * |z - sg(signs)|^2`, and an entropy penalty,
    `entropy * (mean_n H(p_n) - diversity * H(mean_n p_n))`, for vectors sure of their code and codes used alike, where
    bit i of p_n is on with sigmoid(4 sharpness z_i), the softmax of -sharpness |z - c|^2 over all codes.

    Source: Yu et al. 2023, "Language model beats diffusion: tokenizer is key to visual generation" (MAGVIT-v2),
    arXiv:2310.05737; differs from the paper in the plane, in the gradient, which is that of a tanh (the
    plain one lets the analysis grow without end), and in the bits that may be weighed.
    """

    def __init__(
        self,
        dim: int,
        codebook_size: int = 256,
        commitment: float = 0.25,
        entropy: float = 0.1,
        diversity: float = 1.0,
        sharpness: float = 1.0,
    ):
        bits = int(codebook_size).bit_length() - 1
        if bits < 1 or codebook_size != 1 << bits:
            raise ConfigError(f"codebook_size is {codebook_size}; allowed: a power of 2, at least 2")
        grid = 2.0 * (torch.arange(codebook_size)[:, None] >> torch.arange(bits) & 1) - 1
        super().__init__(dim, grid)
        self.commitment = float(commitment)
        self.entropy, self.diversity, self.sharpness = float(entropy), float(diversity), float(sharpness)

    def point(self, z: Tensor) -> Tensor:
        bounded = torch.tanh(z)
        return bounded + (torch.where(z > 0, 1.0, -1.0) - bounded).detach()

    def number(self, point: Tensor) -> Tensor:
        weights = 1 << torch.arange(point.shape[-1], device=point.device)
        return ((point > 0) * weights).sum(-1)

    def extra_loss(self, z: Tensor) -> Tensor:
        worth = self.up.detach().square().mean()
        loss = self.commitment * (z - torch.sign(z).detach()).square().mean()
        if self.entropy and len(z):
            loss = loss + self.entropy * self.penalty(z[:: max(1, len(z) // _PROBE)])
        return worth * loss

    def penalty(self, z: Tensor) -> Tensor:
        """The entropies of z (N, log2 K), in bits for each bit of a token: from -diversity to 1."""
        logits = 4 * self.sharpness * z
        on, off = F.logsigmoid(logits), F.logsigmoid(-logits)
        each = -(on.exp() * on + off.exp() * off).sum(1).mean() / _LN2
        # A code's probability is the product over its bits: a matrix product in the logarithm.
        ones = 0.5 * (self.grid + 1)
        share = torch.exp(on @ ones.t() + off @ (1 - ones).t()).mean(0)
        together = -(share * torch.log2(share.clamp_min(1e-12))).sum()
        return (each - self.diversity * together) / self.grid.shape[1]
