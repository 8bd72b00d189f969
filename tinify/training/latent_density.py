# SPDX-License-Identifier: Apache-2.0
"""A smooth stand-in for histograms of a latent, through which training sees the rate."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LatentDensity(nn.Module):
    """Mixtures of logistic distributions around zero, one for each group and dimension.

    Scales begin an octave and more apart. Only training has it; files are coded under histograms of integers.
    Source: the bits of a noisy latent as its probability, after Ballé et al. 2018, arXiv:1802.01436.
    """

    def __init__(self, groups: int, dims: int, parts: int = 5):
        super().__init__()
        self.log_scale = nn.Parameter(torch.linspace(-5, 1.5, parts).repeat(groups, dims, 1))
        self.logits = nn.Parameter(torch.zeros(groups, dims, parts))

    def bits(self, y: Tensor, step: Tensor, group: Tensor) -> Tensor:
        """Bits (N, L, dims) of y (N, L, dims), rounded to `step` (N,), of windows that belong to `group` (N,)."""
        inverse = torch.exp(-self.log_scale)[group][:, None]
        weight = torch.softmax(self.logits, dim=-1)[group][:, None]
        half, size = step.reshape(-1, 1, 1, 1) / 2, y.abs()[..., None]
        mass = torch.sigmoid((half - size) * inverse) - torch.sigmoid((-half - size) * inverse)
        return -torch.log2((mass * weight).sum(-1) + 1e-6)
