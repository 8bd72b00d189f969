# SPDX-License-Identifier: Apache-2.0
"""One histogram a latent dimension, from which integer tables for every quantizer step follow."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from tinify.errors import ConfigError, WeightsError

# A step is 8 * 2^(-rate / 8), held as an integer in units of 2^-13; edges of bins lie at odd multiples of half a step.
RATES = 81
_MANTISSAS = (65536, 60097, 55109, 50535, 46341, 42495, 38968, 35734)  # 2^(16 - i / 8)
HALF_UNIT = 2.0**-14
# Knots of the histogram in half units: even near zero, four an octave up to 256.
_QUARTERS = (4096, 4871, 5793, 6889)  # 2^(12 + i / 4)
_SIDE = np.array([32 * i for i in range(1, 8)] + [q << o >> 4 for o in range(14) for q in _QUARTERS], np.int64)
KNOTS = np.concatenate([-_SIDE[::-1], [0], _SIDE])
BINS = len(KNOTS) - 1
_ONE = 1 << 30
_TAIL = _ONE >> 14  # what may lie outside of a table and is escaped
_WIDEST = 1023
_TOTAL = 1 << 16


def step_of(rate: int) -> int:
    """The step of a rate in 0 ... 80, in units of 2^-13: 65536 (8.0) down to 64 (1/128)."""
    return _MANTISSAS[rate % 8] >> (rate // 8)


class ScaledHistogram(nn.Module):
    """Probabilities of integers q = round(y / step) in `dims` dimensions, for any step, from a histogram of y.

        histogram of y (integers) ─┬─► table of q at step 1, dimension d
                                   └─► table of q at step 2 ...      a bin of q is a stretch of the histogram

    There are `histograms` of them, each for all dimensions; whoever codes says which one is meant.
    `cumulative` (histograms, dims, KNOTS) int32 rises from 0 to 2^30 along the knots and is a straight line between
    them; tables come from it in integer arithmetic, so that every machine has the same ones. Row h * dims + d of a
    step's tables is dimension d under histogram h. The last `histograms` + 1 rows code the number of a histogram
    given the one before it, or none: from `transitions` (histograms + 1, histograms) int32, counts less one.
    """

    cumulative: Tensor
    transitions: Tensor

    def __init__(self, dims: int, histograms: int = 1):
        super().__init__()
        if not (1 <= dims <= 4096 and 1 <= histograms <= 256 and dims * histograms < 65536):
            raise ConfigError(f"{histograms} histograms of {dims} dimensions; allowed: 1 to 256 of 1 to 4096, < 65536")
        self.dims, self.histograms = int(dims), int(histograms)
        self.register_buffer("cumulative", torch.zeros(self.histograms, self.dims, BINS + 1, dtype=torch.int32))
        self.register_buffer("transitions", torch.zeros(self.histograms + 1, self.histograms, dtype=torch.int32))
        self.fit(np.zeros((self.histograms, self.dims, BINS)))
        self.fit_transitions(np.zeros(self.transitions.shape))

    @property
    def first_transition(self) -> int:
        """The table that codes a histogram's number after histogram 0."""
        return self.histograms * self.dims

    def count(self, y: np.ndarray) -> np.ndarray:
        """How many values of y (..., dims) lie in each bin: int64 (dims, BINS)."""
        flat = y.reshape(-1, self.dims)
        bins = np.clip(np.searchsorted(KNOTS * HALF_UNIT, flat, side="right") - 1, 0, BINS - 1)
        at = bins + np.arange(self.dims) * BINS
        return np.bincount(at.ravel(), minlength=self.dims * BINS).reshape(self.dims, BINS)

    def fit(self, counts: np.ndarray) -> None:
        """Takes the histograms from counts (histograms, dims, BINS) of training values.

        A little of all histograms of the dimension, and of a wide triangle, is mixed in: nothing is impossible."""
        pooled = counts.sum(axis=0) + 1.0
        wide = np.minimum(np.arange(BINS), np.arange(BINS)[::-1]) + 1.0
        mixed = counts + 8 * pooled / pooled.sum(axis=-1, keepdims=True) + 4 * wide / wide.sum()
        shares = np.cumsum(mixed, axis=-1) / mixed.sum(axis=-1, keepdims=True)
        self.cumulative[:, :, 1:] = torch.from_numpy(np.round(shares * _ONE).astype(np.int32))

    def fit_transitions(self, counts: np.ndarray) -> None:
        """Takes the frequencies of histograms from counts (histograms + 1, histograms) of training sequences."""
        mixed = counts + 0.5 + 4 * (counts.sum(axis=0) + 1) / (counts.sum() + self.histograms)
        shares = mixed / mixed.sum(axis=1, keepdims=True) * (_TOTAL - 1 - self.histograms)
        self.transitions.copy_(torch.from_numpy(np.floor(shares).astype(np.int32)))

    def transition_bits(self) -> np.ndarray:
        """Bits float32 (histograms + 1, histograms) of each histogram after each, and after none."""
        return (16 - np.log2(self.transitions.cpu().numpy() + 1.0)).astype(np.float32)

    def tables(self, rate: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`(cdfs, lengths, offsets)` of the rate's step for a coder: int32 (rows, width), (rows,), (rows,)."""
        cumulative = self._checked()
        step = step_of(rate)
        halves = self._halves(cumulative, step)
        widest = int(halves.max())
        inside = self._at(cumulative, (2 * np.arange(-widest - 1, widest + 1) + 1) * step)
        choices = np.full(self.histograms + 1, self.histograms + 2)
        lengths = np.concatenate([2 * halves + 3, choices])
        cdfs = np.full((len(lengths), int(lengths.max())), _TOTAL, np.int64)
        number = np.arange(cdfs.shape[1])
        # Bin i of a row is the value i - half; each has a count of one, and its share of what is left.
        edges = np.clip(number + (widest - halves)[:, None], 0, 2 * widest + 1)
        mass = np.take_along_axis(inside, edges, axis=1)
        mass = mass - mass[:, :1]
        free = _TOTAL - 2 * halves - 2
        whole = number + (mass * free[:, None] >> 30)
        cdfs[: len(halves)] = np.where(number < 2 * halves[:, None] + 2, whole, _TOTAL)
        cdfs[len(halves) :, 0] = 0
        cdfs[len(halves) :, 1 : self.histograms + 1] = np.cumsum(self.transitions.cpu().numpy() + 1, axis=1)
        offsets = np.concatenate([-halves, 0 * choices])
        return cdfs.astype(np.int32), lengths.astype(np.int32), offsets.astype(np.int32)

    def bits(self, tables: tuple[np.ndarray, np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """`(bits, halves)` of the rows of values: float32 (rows, 2 widest + 1) of each value -widest ... widest, those
        beyond their row's half as escapes; and these halves (rows,), the largest of which is the widest."""
        cdfs, _, offsets = (table[: self.first_transition] for table in tables)
        halves = -offsets
        widest = int(halves.max())
        counts = np.diff(cdfs.astype(np.int64), axis=1)
        escape = np.take_along_axis(counts, 2 * halves[:, None].astype(np.int64) + 1, axis=1)
        value = np.arange(-widest, widest + 1)
        at = np.clip(value + halves[:, None], 0, 2 * halves[:, None])
        inside = 16 - np.log2(np.take_along_axis(counts, at, axis=1))
        beyond = np.maximum(np.abs(value) - halves[:, None], 1)
        escaped = 16 - np.log2(escape) + 8 + 8 * np.floor(np.log2(2 * beyond) / 7)
        return np.where(np.abs(value) <= halves[:, None], inside, escaped).astype(np.float32), halves

    def _halves(self, cumulative: np.ndarray, step: int) -> np.ndarray:
        """How far each row's table reaches to either side of zero."""
        outside = (cumulative < _TAIL) | (cumulative > _ONE - _TAIL)
        reach = np.where(outside, 0, np.abs(KNOTS)).max(axis=1) + np.diff(KNOTS).min()
        return np.clip(reach // (2 * step) + 1, 1, _WIDEST)

    @staticmethod
    def _at(cumulative: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Cumulative mass int64 (rows, places) at places in half units."""
        places = np.clip(places, KNOTS[0], KNOTS[-1])
        left = np.clip(np.searchsorted(KNOTS, places, side="right") - 1, 0, BINS - 1)
        low, high = cumulative[:, left], cumulative[:, left + 1]
        return low + (high - low) * (places - KNOTS[left]) // (KNOTS[left + 1] - KNOTS[left])

    def _checked(self) -> np.ndarray:
        cumulative = self.cumulative.cpu().numpy().astype(np.int64).reshape(-1, BINS + 1)
        ends = (cumulative[:, 0] == 0).all() and (cumulative[:, -1] == _ONE).all()
        if not ends or (np.diff(cumulative, axis=1) < 0).any():
            raise WeightsError(f"the histograms do not rise from 0 to {_ONE}")
        shares = self.transitions.cpu().numpy().astype(np.int64) + 1
        if shares.min() < 1 or shares.sum(axis=1).max() >= _TOTAL:
            raise WeightsError("the frequencies of the histograms are no shares of 65536")
        return cumulative
