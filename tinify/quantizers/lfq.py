# SPDX-License-Identifier: Apache-2.0
"""Lookup-free quantization: the signs of a few numbers are the bits of a token."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from tinify.errors import ConfigError
from tinify.quantizers.projected import ProjectedGrid

_LN2 = 0.6931471805599453


class LookupFreeQuantizer(ProjectedGrid):
    """The signs of log2(K) numbers are the bits of the token, lowest first.

        y (..., D) -> plane (..., log2 K) -> signs -> sum_i 2^i [z_i > 0] -> token

    The entropy penalty makes each vector sure of its code and uses all codes alike:
    `entropy * (mean_n H(p_n) - diversity * H(mean_n p_n)) / log2 K`, where bit i of p_n is on with
    sigmoid(4 sharpness z_i), the softmax of -sharpness |z - c|^2 over all codes. Both are in bits.

    Source: Yu et al. 2023, "Language model beats diffusion: tokenizer is key to visual generation" (MAGVIT-v2),
    arXiv:2310.05737; differs from the paper in the plane, and in the bits that may be weighed.
    """

    def __init__(
        self,
        dim: int,
        codebook_size: int = 256,
        entropy: float = 0.01,
        diversity: float = 1.0,
        sharpness: float = 4.0,
        **options,
    ):
        bits = int(codebook_size).bit_length() - 1
        if bits < 1 or codebook_size != 1 << bits:
            raise ConfigError(f"codebook_size is {codebook_size}; allowed: a power of 2, at least 2")
        grid = 2.0 * (torch.arange(codebook_size)[:, None] >> torch.arange(bits) & 1) - 1
        super().__init__(dim, grid, **options)
        self.entropy, self.diversity, self.sharpness = float(entropy), float(diversity), float(sharpness)

    def point(self, z: Tensor) -> Tensor:
        signs = torch.where(z > 0, 1.0, -1.0)
        return z + (signs - z).detach()

    def number(self, point: Tensor) -> Tensor:
        weights = 1 << torch.arange(point.shape[-1], device=point.device)
        return ((point > 0) * weights).sum(-1)

    def extra_loss(self, z: Tensor) -> Tensor:
        if not self.entropy or not len(z):
            return self.no_loss(z)
        logits = 4 * self.sharpness * z
        sure = F.logsigmoid(logits), F.logsigmoid(-logits)
        each = -(sure[0].exp() * sure[0] + sure[1].exp() * sure[1]).sum(1).mean() / _LN2
        # A code's probability is the product over its bits: a matrix product in the logarithm.
        on = 0.5 * (self.grid + 1)
        share = torch.exp(sure[0] @ on.t() + sure[1] @ (1 - on).t()).mean(0)
        together = -(share * torch.log2(share.clamp_min(1e-12))).sum()
        return self.entropy * (each - self.diversity * together) / self.grid.shape[1]
