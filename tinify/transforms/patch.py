# SPDX-License-Identifier: Apache-2.0
"""Patches of a series to latent vectors and back."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def dct_basis(size: int) -> Tensor:
    """The orthonormal DCT-II matrix (size, size): row k is the k-th cosine."""
    positions, orders = torch.arange(size) + 0.5, torch.arange(size)[:, None]
    basis = torch.cos(math.pi / size * orders * positions) * math.sqrt(2 / size)
    basis[0] /= math.sqrt(2)
    return basis


class PatchAnalysis(nn.Module):
    """x (sequences, T) -> y (sequences, T / patch, patch): a linear map that begins as the DCT, plus a small network.

    The network looks at one patch and its two neighbours and begins at zero: a classical start, a learned finish.
    """

    def __init__(self, patch: int, width: int = 64):
        super().__init__()
        self.patch = self.dim = int(patch)
        self.basis = nn.Parameter(dct_basis(patch))
        self.refine = refinement(patch, width)

    def forward(self, x: Tensor) -> Tensor:
        y = x.reshape(x.shape[0], -1, self.patch) @ self.basis.t()
        return y + self.refine(y.transpose(1, 2)).transpose(1, 2)


class PatchSynthesis(nn.Module):
    """y_hat (sequences, L, patch) -> x_hat (sequences, L * patch), the mirror of `PatchAnalysis`.

    Its network sees the neighbours, so it can smooth where patches meet.
    """

    def __init__(self, patch: int, width: int = 64):
        super().__init__()
        self.patch = self.dim = int(patch)
        self.refine = refinement(patch, width)
        self.basis = nn.Parameter(dct_basis(patch))

    def forward(self, y_hat: Tensor) -> Tensor:
        y = y_hat + self.refine(y_hat.transpose(1, 2)).transpose(1, 2)
        return (y @ self.basis).flatten(1)


def refinement(channels: int, width: int) -> nn.Sequential:
    """A network on (sequences, channels, L) that sees one vector and its two neighbours, and begins at zero."""
    network = nn.Sequential(
        nn.Conv1d(channels, width, 3, padding=1, padding_mode="replicate"), nn.GELU(), nn.Conv1d(width, channels, 1)
    )
    nn.init.zeros_(network[-1].weight)
    nn.init.zeros_(network[-1].bias)
    return network
