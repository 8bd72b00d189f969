# SPDX-License-Identifier: Apache-2.0
"""The block DCT of series and pictures."""

from __future__ import annotations

import torch
from torch import Tensor

from tinify.transforms.block_basis import BlockAnalysis, BlockSynthesis
from tinify.transforms.patch import dct_basis


class BlockDctAnalysis(BlockAnalysis):
    """The orthonormal DCT-II of each block; of 8 x 8 blocks it has the scale of JPEG's. See `BlockAnalysis`.

    Source: Ahmed, Natarajan, Rao 1974, "Discrete cosine transform".
    """

    basis_of = staticmethod(dct_basis)


class BlockDctSynthesis(BlockSynthesis):
    """The mirror of `BlockDctAnalysis`."""

    basis_of = staticmethod(dct_basis)


def zigzag(size: int) -> Tensor:
    """The order of the frequencies of a block, low to high along its antidiagonals: (size^2,) int64, numbers of planes.

    Source: ITU-T T.81, figure A.6.
    """
    down, across = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    diagonal = down + across
    along = torch.where(diagonal % 2 == 0, across, down)
    return (diagonal * size + along).flatten().argsort()
