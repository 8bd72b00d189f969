# SPDX-License-Identifier: Apache-2.0
"""Generalised divisive normalisation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tinify.ops import NonNegativeParametrizer


class GDN(nn.Module):
    """`y_i = x_i / sqrt(beta_i + sum_j gamma_ij x_j^2)`; with `inverse`, multiplies instead of dividing.

    Shapes: (B, C, H, W) -> the same. Source: Ballé, Laparra, Simoncelli 2016, arXiv:1511.06281.
    """

    def __init__(self, in_channels: int, inverse: bool = False, beta_min: float = 1e-6, gamma_init: float = 0.1):
        super().__init__()
        self.inverse = bool(inverse)
        self.beta_reparam = NonNegativeParametrizer(minimum=float(beta_min))
        self.beta = nn.Parameter(self.beta_reparam.init(torch.ones(in_channels)))
        self.gamma_reparam = NonNegativeParametrizer()
        self.gamma = nn.Parameter(self.gamma_reparam.init(float(gamma_init) * torch.eye(in_channels)))

    def _pool(self, energy: Tensor) -> Tensor:
        gamma = self.gamma_reparam(self.gamma)
        return F.conv2d(energy, gamma[:, :, None, None], self.beta_reparam(self.beta))

    def forward(self, x: Tensor) -> Tensor:
        norm = self._pool(x * x)
        return x * (torch.sqrt(norm) if self.inverse else torch.rsqrt(norm))


class GDN1(GDN):
    """`y_i = x_i / (beta_i + sum_j gamma_ij |x_j|)`: GDN without squares and roots.

    Source: Johnston, Eban, Gordon, Ballé 2019, arXiv:1912.08771.
    """

    def forward(self, x: Tensor) -> Tensor:
        norm = self._pool(torch.abs(x))
        return x * norm if self.inverse else x / norm
