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
    beyond a row costs its last bin, the escape, and about what the coder writes after it; beyond all rows, no more.
    """

    def __init__(self, cdfs: np.ndarray, lengths: np.ndarray, offsets: np.ndarray, magnitudes: bool = False):
        cdfs, lengths, offsets = (np.asarray(array, np.int64) for array in (cdfs, lengths, offsets))
        self.magnitudes = bool(magnitudes)
        self.lowest, self.highest = int(offsets.min()), int((offsets + lengths).max()) - 2
        symbols = np.arange(self.lowest, self.highest + 1)
        bins, escapes = symbols - offsets[:, None], lengths[:, None] - 2
        escaped = (bins < 0) | (bins >= escapes)
        mass = np.take_along_axis(np.diff(cdfs, axis=1), np.where(escaped, escapes, bins), axis=1)
        beyond = _BYTE + _BYTE * (np.log2(2 * np.abs(symbols).clip(min=1)) // _VARINT)
        bits = _TOTAL_BITS - np.log2(mass) + escaped * beyond + self.magnitudes * (symbols != 0)
        self.bits = torch.from_numpy(bits.astype(np.float32))

    def of(self, symbols: Tensor, rows: Tensor) -> Tensor:
        """Bits float32 of symbols, each under its row; both integers of one shape."""
        values = (symbols.abs() if self.magnitudes else symbols).clamp(self.lowest, self.highest)
        index = values.sub_(self.lowest).add(rows, alpha=self.bits.shape[1])
        return F.embedding(index, self.bits.view(-1, 1)).view(symbols.shape)
