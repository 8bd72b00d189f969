# SPDX-License-Identifier: Apache-2.0
"""Patches to latent vectors by a small network on each patch alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tinify.errors import ConfigError
from tinify.transforms.patch import dct_basis


class PatchMlpAnalysis(nn.Module):
    """x (sequences, T) -> y (sequences, T / patch, dim); a patch is seen alone, so each can be coded and read alone.

        patch ─┬─► linear ──────────────────► (+) ─► y
               └─► linear ► GELU ► linear ──►──┘        the lower way begins at zero, the upper one at the DCT

    With `dim` below `patch` the highest frequencies are dropped at the start.
    """

    def __init__(self, patch: int, width: int = 64, dim: int | None = None):
        super().__init__()
        self.patch, self.dim = int(patch), int(dim or patch)
        self.linear = nn.Parameter(_first_cosines(patch, self.dim))
        self.network = _network(patch, width, self.dim)

    def forward(self, x: Tensor) -> Tensor:
        patches = x.reshape(x.shape[0], -1, self.patch)
        return patches @ self.linear.t() + self.network(patches)


class PatchMlpSynthesis(nn.Module):
    """y_hat (sequences, L, dim) -> x_hat (sequences, L * patch), the mirror of `PatchMlpAnalysis`."""

    def __init__(self, patch: int, width: int = 64, dim: int | None = None):
        super().__init__()
        self.patch, self.dim = int(patch), int(dim or patch)
        self.linear = nn.Parameter(_first_cosines(patch, self.dim))
        self.network = _network(self.dim, width, patch)

    def forward(self, y_hat: Tensor) -> Tensor:
        return (y_hat @ self.linear + self.network(y_hat)).flatten(1)


def _first_cosines(patch: int, dim: int) -> Tensor:
    if not 1 <= dim <= patch:
        raise ConfigError(f"dim is {dim}; allowed: 1 to the patch's {patch}")
    return dct_basis(patch)[:dim].clone()


def _network(inputs: int, width: int, outputs: int) -> nn.Sequential:
    network = nn.Sequential(nn.Linear(inputs, width), nn.GELU(), nn.Linear(width, outputs))
    with torch.no_grad():
        network[-1].weight.zero_(), network[-1].bias.zero_()
    return network
