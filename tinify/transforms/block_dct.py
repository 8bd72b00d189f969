# SPDX-License-Identifier: Apache-2.0
"""The block DCT, and a learned linear mixing of its coefficients."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tinify.errors import ConfigError
from tinify.transforms.patch import dct_basis


class BlockDctAnalysis(nn.Module):
    """x (sequences, T) -> y (sequences, T / patch, patch): the DCT of each block, then a mixing over `taps` blocks.

        y_t = sum_k M_k c_{t+k},  c_t = DCT of block t,  k = -(taps - 1) / 2 ... (taps - 1) / 2

    M_0 begins as the identity and the others as zero, so it begins as the plain DCT; with more than one tap it can
    become a lapped transform. All of it is linear.
    """

    basis: Tensor

    def __init__(self, patch: int, taps: int = 3):
        super().__init__()
        self.patch = self.dim = int(patch)
        self.register_buffer("basis", dct_basis(patch))
        self.mixing = _mixing(patch, taps)

    def forward(self, x: Tensor) -> Tensor:
        return _mix(self.mixing, x.reshape(x.shape[0], -1, self.patch) @ self.basis.t())


class BlockDctSynthesis(nn.Module):
    """y_hat (sequences, L, patch) -> x_hat (sequences, L * patch), the mirror of `BlockDctAnalysis`."""

    basis: Tensor

    def __init__(self, patch: int, taps: int = 3):
        super().__init__()
        self.patch = self.dim = int(patch)
        self.mixing = _mixing(patch, taps)
        self.register_buffer("basis", dct_basis(patch))

    def forward(self, y_hat: Tensor) -> Tensor:
        return (_mix(self.mixing, y_hat) @ self.basis).flatten(1)


def _mixing(dim: int, taps: int) -> nn.Conv1d:
    if taps < 1 or taps % 2 == 0:
        raise ConfigError(f"taps is {taps}; allowed: odd numbers from 1")
    mixing = nn.Conv1d(dim, dim, taps, padding=taps // 2, padding_mode="replicate", bias=False)
    with torch.no_grad():
        nn.init.dirac_(mixing.weight)
    return mixing


def _mix(mixing: nn.Conv1d, y: Tensor) -> Tensor:
    return mixing(y.transpose(1, 2)).transpose(1, 2) if y.numel() else y
