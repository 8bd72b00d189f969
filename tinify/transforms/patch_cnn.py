# SPDX-License-Identifier: Apache-2.0
"""Series to latent vectors by strided convolutions, learned from nothing."""

from __future__ import annotations

from torch import Tensor, nn

from tinify.errors import ConfigError


class PatchCnnAnalysis(nn.Module):
    """x (sequences, T) -> y (sequences, T / patch, dim) by log2(patch) convolutions of stride 2.

        x ─► conv /2 ─► [GELU, conv /2] ... ─► GELU ─► conv 3 ─► y

    Nothing classical to start from: what such a network learns by itself. A vector sees about 3 patches.
    Source: after Zeghidour et al. 2021, "SoundStream", arXiv:2107.03312 (much smaller).
    """

    def __init__(self, patch: int, width: int = 64, dim: int | None = None):
        super().__init__()
        self.patch, self.dim = int(patch), int(dim or patch)
        halvings = _halvings(patch)
        layers: list[nn.Module] = []
        for number in range(halvings):
            layers += [nn.Conv1d(width if number else 1, width, 4, stride=2, padding=1), nn.GELU()]
        self.network = nn.Sequential(*layers, nn.Conv1d(width if halvings else 1, self.dim, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        if not x.numel():
            return x.new_zeros(x.shape[0], x.shape[1] // self.patch, self.dim)
        return self.network(x[:, None]).transpose(1, 2)


class PatchCnnSynthesis(nn.Module):
    """y_hat (sequences, L, dim) -> x_hat (sequences, L * patch), the mirror of `PatchCnnAnalysis`."""

    def __init__(self, patch: int, width: int = 64, dim: int | None = None):
        super().__init__()
        self.patch, self.dim = int(patch), int(dim or patch)
        halvings = _halvings(patch)
        layers: list[nn.Module] = []
        for number in range(halvings):
            out = 1 if number == halvings - 1 else width
            layers += [nn.GELU(), nn.ConvTranspose1d(width, out, 4, stride=2, padding=1)]
        self.network = nn.Sequential(nn.Conv1d(self.dim, width if halvings else 1, 3, padding=1), *layers)

    def forward(self, y_hat: Tensor) -> Tensor:
        if not y_hat.numel():
            return y_hat.new_zeros(y_hat.shape[0], y_hat.shape[1] * self.patch)
        return self.network(y_hat.transpose(1, 2))[:, 0]


def _halvings(patch: int) -> int:
    halvings = int(patch).bit_length() - 1
    if patch < 1 or patch != 1 << halvings:
        raise ConfigError(f"patch is {patch}; strided convolutions need a power of 2")
    return halvings
