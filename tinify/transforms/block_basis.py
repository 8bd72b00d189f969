# SPDX-License-Identifier: Apache-2.0
"""Blocks of a series or a picture under an orthonormal basis, and a learned linear mixing of their coefficients."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn

from tinify.errors import ConfigError, InputError
from tinify.ops import pad_to_multiple

_LARGEST = 32  # side of a block of a picture
_MIXINGS = {1: nn.Conv1d, 2: nn.Conv2d}


class _Blocks(nn.Module):
    """The basis and the mixing of either side. `taps` 0 is without mixing; None is 3 for series, 0 for pictures."""

    basis: Tensor
    basis_of: ClassVar[Callable[[int], Tensor]]

    def __init__(self, patch: int, taps: int | None = None, dims: int = 1):
        super().__init__()
        if dims not in _MIXINGS or patch < 1 or (dims == 2 and patch > _LARGEST):
            raise ConfigError(f"dims is {dims}, patch {patch}; allowed: 1, or 2 with a patch of at most {_LARGEST}")
        self.patch, self.dims, self.dim = int(patch), int(dims), int(patch) ** dims
        self.register_buffer("basis", type(self).basis_of(self.patch))
        self.mixing = _mixing(self.dim, (3 if dims == 1 else 0) if taps is None else taps, dims)

    def mix(self, planes: Tensor) -> Tensor:
        """The mixing of coefficients (N, dim, ...), a plane each."""
        return planes if self.mixing is None or not planes.numel() else self.mixing(planes)


class BlockAnalysis(_Blocks):
    """The coefficients of each block, then a mixing over `taps` blocks along each axis.

        dims 1: x (sequences, T)  -> y (sequences, T / patch, patch), T a multiple of patch
        dims 2: x (B, C, H, W)    -> y (B, C patch^2, ceil(H / patch), ceil(W / patch)), a plane for each frequency

        y_t = sum_k M_k c_{t+k},  c_t = coefficients of block t,  k = -(taps - 1) / 2 ... (taps - 1) / 2

    M_0 begins as the identity and the others as zero, so it begins as the plain basis; with more than one tap it can
    become a lapped transform. All of it is linear. In pictures plane (c patch + v) patch + u holds, for channel c, the
    v-th vertical and u-th horizontal frequency; the last row and column are repeated to fill the last blocks.
    """

    def forward(self, x: Tensor) -> Tensor:
        if self.dims == 1:
            y = x.reshape(x.shape[0], -1, self.patch) @ self.basis.t()
            return y if self.mixing is None else self.mix(y.transpose(1, 2)).transpose(1, 2)
        if x.dim() != 4:
            raise InputError(f"a tensor of shape {tuple(x.shape)}; allowed: (B, C, H, W)")
        x = pad_to_multiple(x, self.patch)
        (batch, channels, *_), (rows, columns) = x.shape, (side // self.patch for side in x.shape[2:])
        y = self.basis @ x.reshape(batch * channels, rows, self.patch, -1)
        y = y.reshape(-1, rows, self.patch, columns, self.patch) @ self.basis.t()
        y = y.permute(0, 2, 4, 1, 3).reshape(batch * channels, self.dim, rows, columns)
        return self.mix(y).reshape(batch, -1, rows, columns)


class BlockSynthesis(_Blocks):
    """The mirror of `BlockAnalysis`: y_hat -> x_hat (sequences, L patch), or (B, C, h patch, w patch).

    `size`, of pictures: the height and width to keep of it, from the upper left corner.
    """

    def forward(self, y_hat: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        if self.dims == 1:
            y = y_hat if self.mixing is None else self.mix(y_hat.transpose(1, 2)).transpose(1, 2)
            return (y @ self.basis).flatten(1)
        if y_hat.dim() != 4 or y_hat.shape[1] % self.dim:
            raise InputError(f"a tensor of shape {tuple(y_hat.shape)}; allowed: (B, C, h, w), C in {self.dim}s")
        (batch, _, rows, columns), patch = y_hat.shape, self.patch
        y = self.mix(y_hat.reshape(-1, self.dim, rows, columns)).reshape(-1, patch, patch, rows, columns)
        x = (y.permute(0, 3, 1, 4, 2) @ self.basis).reshape(-1, rows, patch, columns * patch)
        x = (self.basis.t() @ x).reshape(batch, -1, rows * patch, columns * patch)
        return x if size is None else x[..., : size[0], : size[1]]


def _mixing(dim: int, taps: int, dims: int) -> nn.Module | None:
    if taps == 0:
        return None
    if taps < 0 or taps % 2 == 0:
        raise ConfigError(f"taps is {taps}; allowed: 0, or an odd number")
    mixing = _MIXINGS[dims](dim, dim, taps, padding=taps // 2, padding_mode="replicate", bias=False)
    with torch.no_grad():
        nn.init.dirac_(mixing.weight)
    return mixing
