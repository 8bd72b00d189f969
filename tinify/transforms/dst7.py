# SPDX-License-Identifier: Apache-2.0
"""The block DST-VII, for what grows away from a border that is known."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tinify.transforms.block_basis import BlockAnalysis, BlockSynthesis


def dst7_basis(size: int) -> Tensor:
    """The orthonormal DST-VII matrix (size, size): row k is 2 / sqrt(2 N + 1) sin(pi (2 k + 1) (n + 1) / (2 N + 1))."""
    position, order = torch.arange(size, dtype=torch.float64) + 1, 2 * torch.arange(size)[:, None] + 1
    return (torch.sin(math.pi / (2 * size + 1) * order * position) * (2 / math.sqrt(2 * size + 1))).float()


class Dst7Analysis(BlockAnalysis):
    """The orthonormal DST-VII of each block: for residuals of a prediction from above or from the left, which are small
    near that border. See `BlockAnalysis`.

    Source: Han, Saxena, Rose 2010, "Towards jointly optimal spatial prediction and adaptive transform in video/image
    coding"; ITU-T H.265 has its 4 x 4 matrix.
    """

    basis_of = staticmethod(dst7_basis)


class Dst7Synthesis(BlockSynthesis):
    """The mirror of `Dst7Analysis`."""

    basis_of = staticmethod(dst7_basis)
