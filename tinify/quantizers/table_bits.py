# SPDX-License-Identifier: Apache-2.0
"""What integers cost under the tables of a coder."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

_TOTAL_BITS = 16
_BYTE, _VARINT = 8, 7  # an escape is written as a varint: bytes that hold 7 bits each


class TableBits:
    """Bits of symbols under `(cdfs, lengths, offsets)`, int32 (rows, width), (rows,), (rows,), as coders take them.

    With `magnitudes` the tables are of |symbol|, and each symbol but 0 has one bit more: its sign, raw. What lies
    beyond a row costs its last bin, the escape, and about what the coder writes after it.
    """

    def __init__(self, cdfs: np.ndarray, lengths: np.ndarray, offsets: np.ndarray, magnitudes: bool = False):
        mass = np.diff(np.asarray(cdfs, np.int64), axis=1).clip(min=1)
        self.width = mass.shape[1]
        self.bits = torch.from_numpy((_TOTAL_BITS - np.log2(mass)).astype(np.float32)).view(-1, 1)
        self.escapes = torch.from_numpy(np.asarray(lengths, np.int64) - 2)
        self.offsets = torch.from_numpy(np.asarray(offsets, np.int64))
        self.magnitudes = bool(magnitudes)

    def of(self, symbols: Tensor, rows: Tensor) -> Tensor:
        """Bits float32 of symbols, each under its row; both integers of one shape."""
        rows, values = rows.long(), symbols.long()
        values = values.abs() if self.magnitudes else values
        bins, escapes = values - self.offsets[rows], self.escapes[rows]
        escaped = (bins < 0) | (bins >= escapes)
        bits = F.embedding(rows * self.width + torch.where(escaped, escapes, bins), self.bits).view(symbols.shape)
        if escaped.any():
            bits += escaped * (_BYTE + _BYTE * torch.log2(2.0 * values.abs().clamp_min(1)).div(_VARINT).floor())
        return bits.add_(symbols != 0) if self.magnitudes else bits
