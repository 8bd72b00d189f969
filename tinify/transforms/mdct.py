# SPDX-License-Identifier: Apache-2.0
"""The modified discrete cosine transform: overlapping windows, as many coefficients as samples."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from tinify.errors import ConfigError
from tinify.transforms.patch import refinement

_KBD_ALPHA = 4.0


def mdct_window(size: int, shape: str = "sine") -> Tensor:
    """The rising half (size,) of a window of 2 size samples: "sine", or "kbd" (Kaiser-Bessel-derived, alpha 4).

    w[n]^2 + w[size - 1 - n]^2 = 1, which is what perfect reconstruction asks for (Princen, Johnson, Bradley 1987).
    """
    if shape == "sine":
        return torch.sin(math.pi / (2 * size) * (torch.arange(size, dtype=torch.float64) + 0.5)).float()
    if shape == "kbd":
        kaiser = torch.kaiser_window(size + 1, periodic=False, beta=math.pi * _KBD_ALPHA, dtype=torch.float64)
        return (kaiser.cumsum(0)[:-1] / kaiser.sum()).sqrt().float()
    raise ConfigError(f'window is {shape!r}; allowed: "sine", "kbd"')


class _Mdct(nn.Module):
    """Folding at the borders of the blocks, and the cosines of a folded block: both orthogonal."""

    slope: Tensor
    basis: Tensor

    def __init__(self, patch: int, window: str):
        super().__init__()
        if patch < 2 or patch % 2:
            raise ConfigError(f"patch is {patch}; the MDCT needs an even number of samples")
        self.patch = self.dim = int(patch)
        self.register_buffer("slope", mdct_window(patch, window)[patch // 2 :])
        position, order = torch.arange(patch, dtype=torch.float64) + 0.5, torch.arange(patch)[:, None] + 0.5
        basis = torch.cos(math.pi / patch * order * (position + patch)) * math.sqrt(2 / patch)
        self.register_buffer("basis", basis.float())

    def fold(self, blocks: Tensor, sign: float) -> Tensor:
        """Turns each pair of samples that mirror each other in a border between blocks (sequences, L, patch); the
        other sign turns back. The first half of the first block and the last half of the last have no partner."""
        if blocks.shape[1] < 2:
            return blocks
        half = self.patch // 2
        right, left = blocks[:, 1:, :half], blocks[:, :-1, half:].flip(-1)
        near, far = self.slope, sign * self.slope.square().neg().add(1).clamp_min(0).sqrt()
        first = torch.cat([blocks[:, :1, :half], near * right - far * left], 1)
        last = torch.cat([(near * left + far * right).flip(-1), blocks[:, -1:, half:]], 1)
        return torch.cat([first, last], -1)


class MdctAnalysis(_Mdct):
    """x (sequences, T) -> y (sequences, T / patch, patch): MDCT with hop `patch` and windows of 2 patch samples.

        blocks ─► folded at their borders under the window ─► cosines ─► y (+ a small network where width > 0)

    Orthonormal, and exactly as many frames as blocks: at both ends of a sequence, where there is nothing to overlap
    with, the window has an edge instead of a slope. Inside, y_k = sqrt(2 / N) sum_n w_n x_n cos(pi / N (n + 1 / 2 +
    N / 2)(k + 1 / 2)), N = patch. With `width` the network begins at zero, as in `PatchAnalysis`.

    Source: Princen, Johnson, Bradley 1987, "Subband/transform coding using filter bank designs based on time domain
    aliasing cancellation".
    """

    def __init__(self, patch: int, window: str = "sine", width: int = 0):
        super().__init__(patch, window)
        self.refine = refinement(patch, width) if width else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.fold(x.reshape(x.shape[0], -1, self.patch), 1.0) @ self.basis.t()
        return y if self.refine is None else y + self.refine(y.transpose(1, 2)).transpose(1, 2)


class MdctSynthesis(_Mdct):
    """y_hat (sequences, L, patch) -> x_hat (sequences, L * patch): overlap-add, the exact inverse without network."""

    def __init__(self, patch: int, window: str = "sine", width: int = 0):
        super().__init__(patch, window)
        self.refine = refinement(patch, width) if width else None

    def forward(self, y_hat: Tensor) -> Tensor:
        y = y_hat if self.refine is None else y_hat + self.refine(y_hat.transpose(1, 2)).transpose(1, 2)
        return self.fold(y @ self.basis, -1.0).flatten(1)
