# SPDX-License-Identifier: Apache-2.0
"""Generalised divisive normalisation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tinify.ops import NonNegativeParametrizer

# Pixels for which x, its square and the norm stay in the cache together (128 channels: 4 MB each). Fewer would make
# the threads wait for one another more often.
_CHUNK = 8192


class GDN(nn.Module):
    """`y_i = x_i / sqrt(beta_i + sum_j gamma_ij x_j^2)`; with `inverse`, multiplies instead of dividing.

    Shapes: (B, C, H, W) -> the same. On a CPU without gradients the result is channels-last.
    Source: Ballé, Laparra, Simoncelli 2016, arXiv:1511.06281.
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
        if self._can_chunk(x):
            return self._forward_in_chunks(x)
        norm = self._pool(x * x)
        return x * (torch.sqrt(norm) if self.inverse else torch.rsqrt(norm))

    def _can_chunk(self, x: Tensor) -> bool:
        plain = x.device.type == "cpu" and x.dtype == self.gamma.dtype == torch.float32 and x.dim() == 4
        traced = torch.compiler.is_compiling() or torch.jit.is_tracing() or torch.is_autocast_enabled("cpu")
        return plain and not torch.is_grad_enabled() and not traced

    def _forward_in_chunks(self, x: Tensor) -> Tensor:
        # The whole picture would go through memory five times; in chunks that fit the cache it goes through twice.
        x = x.contiguous(memory_format=torch.channels_last)
        out = torch.empty_like(x)
        gamma, beta = self.gamma_reparam(self.gamma).t().contiguous(), self.beta_reparam(self.beta)
        pixels, norms = (t.permute(0, 2, 3, 1).view(-1, t.shape[1]) for t in (x, out))
        squares = torch.empty_like(pixels[:_CHUNK])
        for start in range(0, len(pixels), _CHUNK):
            part, norm = pixels[start : start + _CHUNK], norms[start : start + _CHUNK]
            square = torch.mul(part, part, out=squares[: len(part)])
            torch.addmm(beta, square, gamma, out=norm)
            (norm.sqrt_() if self.inverse else norm.rsqrt_()).mul_(part)
        return out


class GDN1(GDN):
    """`y_i = x_i / (beta_i + sum_j gamma_ij |x_j|)`: GDN without squares and roots.

    Source: Johnston, Eban, Gordon, Ballé 2019, arXiv:1912.08771.
    """

    def forward(self, x: Tensor) -> Tensor:
        norm = self._pool(torch.abs(x))
        return x * norm if self.inverse else x / norm
