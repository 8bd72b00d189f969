# SPDX-License-Identifier: Apache-2.0
"""Patches as they are."""

from __future__ import annotations

from torch import Tensor, nn


class IdentityAnalysis(nn.Module):
    """x (sequences, T) -> y (sequences, T / patch, patch): cut, nothing else."""

    def __init__(self, patch: int):
        super().__init__()
        self.patch = self.dim = int(patch)

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], -1, self.patch)


class IdentitySynthesis(nn.Module):
    """y_hat (sequences, L, patch) -> x_hat (sequences, L * patch): put together, nothing else."""

    def __init__(self, patch: int):
        super().__init__()
        self.patch = self.dim = int(patch)

    def forward(self, y_hat: Tensor) -> Tensor:
        return y_hat.flatten(1)
