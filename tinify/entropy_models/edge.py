# SPDX-License-Identifier: Apache-2.0
"""Smooth planes of integers by an edge predictor: what is coded is the distance from it, under the steepness there."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from tinify.entropy_models.tables import PRECISION, SLOT, shares_of
from tinify.errors import ConfigError, FormatError, WeightsError

SLOPES = 28  # half octaves of steepness
REACH = 40
_MOST = 1 << 24
_FINE = 8  # low bits that one symbol holds


class EdgeModel(nn.Module):
    """Tables of e = q - expected, for each class of planes and each steepness of what is around.

        NW  N  NE        expected = median(N, W, N + W - NW)
        W   q            steepness = |W - NW| + |NW - N| + |N - NE| ──► table of e >> shift; low bits are even

    Planes go along wavefronts: all q of one j + 2 i at once, the same in encoder and decoder.
    `frequencies` (classes, SLOPES, 2 REACH + 2) int32: of e >> shift from -REACH to REACH, and of those beyond.

    Source: median edge predictor: Weinberger, Seroussi, Sapiro 2000 (LOCO-I).
    """

    frequencies: Tensor

    def __init__(self, classes: int = 2):
        super().__init__()
        if not 1 <= classes <= 16:
            raise ConfigError(f"{classes} classes; allowed: 1 to 16")
        self.classes = int(classes)
        self.register_buffer("frequencies", torch.zeros(self.classes, SLOPES, 2 * REACH + 2, dtype=torch.int32))
        self.fit(np.zeros(self.frequencies.shape))

    def fit(self, counts: np.ndarray) -> None:
        """Takes the tables from counts (classes, SLOPES, 2 REACH + 2)."""
        distance = np.abs(np.arange(2 * REACH + 2) - REACH)
        spread = 1 + np.minimum(2.0 ** (np.arange(SLOPES) / 2), 16)
        falling = np.exp(-distance / spread[:, None])
        falling[:, -1] = 1e-2
        beside = counts.copy()
        beside[:, 1:] += counts[:, :-1]
        beside[:, :-1] += counts[:, 1:]
        beside = 4 * beside / np.maximum(beside.sum(-1, keepdims=True), 1)
        mixed = counts + beside + falling / falling.sum(1, keepdims=True)
        self.frequencies.copy_(torch.from_numpy(shares_of(mixed)))

    def tables(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`(cdfs, lengths, offsets)` for a coder; behind the slopes' rows those of 1 to 8 even bits."""
        counts = self.frequencies.cpu().numpy().reshape(-1, 2 * REACH + 2).astype(np.int64)
        if (counts < 1).any() or (counts.sum(1) != 1 << PRECISION).any():
            raise WeightsError("frequencies of distances are no shares of 65536")
        rows, width = len(counts) + _FINE, (1 << _FINE) + 2
        cdfs = np.full((rows, width), 1 << PRECISION, np.int32)
        cdfs[:, 0] = 0
        cdfs[: len(counts), 1 : counts.shape[1] + 1] = np.cumsum(counts, 1)
        for bits in range(1, _FINE + 1):
            # The last value and the escape, which never comes, share what the others have.
            cdfs[len(counts) + bits - 1, 1 : 1 << bits] = np.arange(1, 1 << bits) << (PRECISION - bits)
            cdfs[len(counts) + bits - 1, 1 << bits] = (1 << PRECISION) - SLOT
        lengths = np.concatenate([np.full(len(counts), counts.shape[1] + 1), (1 << np.arange(1, _FINE + 1)) + 2])
        offsets = np.concatenate([np.full(len(counts), -REACH), np.zeros(_FINE)])
        return cdfs, lengths.astype(np.int32), offsets.astype(np.int32)

    def encode(self, q: np.ndarray, encoder, tables, first_class: int = 0) -> None:
        """Pushes int32 q (C, H, W): planes of the classes from the first one on, the last of which serves the rest."""
        for front in _fronts(q.shape[1:]):
            expected, slope = front.look(q)
            symbols = q[:, front.rows, front.columns] - expected
            shift, row = self._rows(slope, first_class)
            encoder.push(symbols >> shift, row, tables)
            self._push_fine(encoder, tables, symbols, shift)

    def decode(self, shape: tuple[int, int, int], decoder, tables, first_class: int = 0) -> np.ndarray:
        """int32 q (C, H, W). FormatError, DesyncError."""
        q = np.zeros(shape, np.int32)
        for front in _fronts(shape[1:]):
            expected, slope = front.look(q)
            shift, row = self._rows(slope, first_class)
            high = decoder.pull(row, tables).astype(np.int64)
            value = expected + (high << shift) + self._pull_fine(decoder, tables, shift)
            if np.abs(value).max(initial=0) > _MOST:
                raise FormatError("a smooth plane leaves its range: the stream is damaged")
            q[:, front.rows, front.columns] = value
        return q

    def count(self, q: np.ndarray, first_class: int = 0) -> np.ndarray:
        """What `fit` takes, of q (C, H, W)."""
        found = np.zeros(self.frequencies.shape)
        for front in _fronts(q.shape[1:]):
            expected, slope = front.look(q)
            shift, row = self._rows(slope, first_class)
            e = (q[:, front.rows, front.columns] - expected) >> shift
            at = np.where(np.abs(e) <= REACH, e + REACH, 2 * REACH + 1)
            np.add.at(found.reshape(-1, 2 * REACH + 2), (row.ravel(), at.ravel()), 1)
        return found

    def _rows(self, slope: np.ndarray, first_class: int) -> tuple[np.ndarray, np.ndarray]:
        """Shift and row of each steepness (C, n)."""
        octave = np.frexp(slope.astype(np.float64))[1]  # exact: integers
        half = 2 * octave - (2 * slope < 3 * (1 << np.maximum(octave - 1, 0)))
        shift = np.maximum(octave - 5, 0).astype(np.int32)
        row = (
            np.clip(half, 0, SLOPES - 1)
            + SLOPES * np.minimum(first_class + np.arange(len(slope)), self.classes - 1)[:, None]
        )
        return shift, row.astype(np.int32)

    def _fine(self, shift: np.ndarray):
        """(where, bits, done) of the symbols that hold the low bits."""
        for done in range(0, int(shift.max(initial=0)), _FINE):
            bits = np.clip(shift - done, 0, _FINE)
            yield bits > 0, bits, done

    def _push_fine(self, encoder, tables, symbols, shift) -> None:
        for where, bits, done in self._fine(shift):
            low = (symbols[where] >> done) & ((1 << bits[where]) - 1)
            encoder.push(low.astype(np.int32), (self.classes * SLOPES - 1 + bits[where]).astype(np.int32), tables)

    def _pull_fine(self, decoder, tables, shift) -> np.ndarray:
        total = np.zeros(shift.shape, np.int64)
        for where, bits, done in self._fine(shift):
            low = decoder.pull((self.classes * SLOPES - 1 + bits[where]).astype(np.int32), tables)
            if ((low < 0) | (low >> bits[where] != 0)).any():
                raise FormatError("low bits are more than there are: the stream is damaged")
            total[where] += low.astype(np.int64) << done
        return total


class _Front:
    """The places of one j + 2 i, and what is around them."""

    def __init__(self, rows: np.ndarray, columns: np.ndarray, width: int):
        self.rows, self.columns = rows, columns
        self.above, self.back = np.maximum(rows - 1, 0), np.maximum(columns - 1, 0)
        self.ahead = np.minimum(columns + 1, width - 1)
        self.first_row, self.first_column = rows == 0, columns == 0

    def look(self, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Expected values and steepness (C, n) int64. In the first row and column what is missing is what is beside."""
        west = q[:, self.rows, self.back].astype(np.int64)
        north = q[:, self.above, self.columns].astype(np.int64)
        corner, east = q[:, self.above, self.back].astype(np.int64), q[:, self.above, self.ahead].astype(np.int64)
        west = np.where(self.first_column, np.where(self.first_row, 0, north), west)
        north, corner, east = (np.where(self.first_row, west, x) for x in (north, corner, east))
        corner = np.where(self.first_column, north, corner)
        low, high = np.minimum(west, north), np.maximum(west, north)
        expected = np.clip(west + north - corner, low, high)
        return expected, np.abs(west - corner) + np.abs(corner - north) + np.abs(north - east)


def _fronts(shape: tuple[int, int]):
    height, width = shape
    for number in range(width + 2 * (height - 1) if height and width else 0):
        first = max(0, -(-(number - width + 1) // 2))
        rows = np.arange(first, min(height - 1, number // 2) + 1)
        yield _Front(rows, number - 2 * rows, width)
