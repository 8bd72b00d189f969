# SPDX-License-Identifier: Apache-2.0
"""Integer CDF tables: the only place where a float probability becomes an integer."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tinify import _core

PRECISION = 16
MAX_VALUES = 2**PRECISION - 1
"""So many values fit in a row: each has a count of at least 1, and so has the escape bin."""
SYMBOLS_PER_BYTE = 2**19
"""More symbols no coder gets out of a byte: the likeliest there can be costs log2(65536 / 65535) bits."""


SLOT = 1 << (PRECISION - 12)
"""The least frequency of a bin in the fast coder's tables of 12 bits."""


def shares_of(weights: np.ndarray, total: int = 1 << PRECISION) -> np.ndarray:
    """int32 frequencies in proportion to weights >= 0, at least `SLOT` each, `total` in all along the last axis; what
    rounding leaves goes to the largest."""
    free = total - SLOT * weights.shape[-1]
    counts = np.floor(weights / weights.sum(-1, keepdims=True) * free).astype(np.int64) + SLOT
    largest = counts.argmax(-1)[..., None]
    left = total - counts.sum(-1, keepdims=True)
    np.put_along_axis(counts, largest, np.take_along_axis(counts, largest, -1) + left, -1)
    return counts.astype(np.int32)


def quantized_cdfs(pmf: Tensor, tail_mass: Tensor, lengths: Tensor) -> Tensor:
    """Integer CDFs of several distributions, the mass beyond each support in a last, "escape" bin.

    pmf (rows, width) float, `lengths` (rows,) int: how many values of a row count; tail_mass (rows, 1).
    Returns int32 (rows, width + 2): 0 ... 65536 in the first `lengths + 2` columns, zeros behind. Every bin has a
    count of at least 1. Deterministic, and the same integers as CompressAI's for the same floats.
    """
    rows, width = pmf.shape
    padded = torch.zeros(rows, width + 1, dtype=torch.float32)
    padded[:, :width] = pmf.detach().float().cpu()
    column = lengths.detach().long().cpu()[:, None]
    padded.scatter_(1, column, tail_mass.detach().float().cpu())
    sizes = np.ascontiguousarray((column[:, 0] + 1).numpy().astype(np.int32))
    return torch.from_numpy(_core.pmfs_to_quantized_cdfs(padded.numpy(), sizes, PRECISION))
