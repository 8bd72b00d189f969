# SPDX-License-Identifier: Apache-2.0
"""Integers found by decisions under a cumulative of mixtures of Gaussians, in integers throughout."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinify.errors import DesyncError
from tinify.ops.elementary import normal_table

DECISIONS = 1 << 12
"""Probabilities of a decision are 1 to DECISIONS - 1 of so many."""
GRID = 64  # means are multiples of 1 / GRID
_PER_OCTAVE, _LOWEST, _HIGHEST = 16, -51, 128  # scales are 2^(k / 16), from 0.11 to 256
_SHARES = 10  # bits of a weight
_STEPS, _REACH, _MASS = 256, 8, 30  # of the table of the normal's mass
_FRACTION = 8
_FARTHEST = 1 << 31

Decide = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""`(which elements, their thresholds, rows of the tables) -> whether each is at least its threshold`."""


def _ladder() -> np.ndarray:
    """2^(k / 16): roots and products of doubles are the same everywhere."""
    ratio = np.sqrt(np.sqrt(np.sqrt(np.sqrt(np.float64(2)))))
    octave = np.cumprod(np.full(_PER_OCTAVE, ratio)) / ratio
    k = np.arange(_LOWEST, _HIGHEST + 1)
    return np.ldexp(octave[k % _PER_OCTAVE], k // _PER_OCTAVE)


_SCALES = _ladder()
_BETWEEN = np.sqrt(_SCALES[:-1] * _SCALES[1:])
_HALF_MASS = normal_table(_STEPS, _REACH, _MASS)


class Mixtures:
    """n mixtures of finite scales, means, weights (K, n) float64; means beyond 2^24 count as 2^24."""

    def __init__(self, scales: np.ndarray, means: np.ndarray, weights: np.ndarray):
        self._per_scale = _STEPS / (GRID * _SCALES[np.searchsorted(_BETWEEN, scales)])
        self._means = np.rint(np.clip(means, -(2.0**24), 2.0**24) * GRID).astype(np.int64)
        shares = np.rint(np.clip(weights, 0, 1) * (1 << _SHARES)).astype(np.int64)
        first, columns = shares.argmax(0), np.arange(shares.shape[1])
        shares[first, columns] += (1 << _SHARES) - shares.sum(0)
        self._shares = np.maximum(shares, 0)
        self._total = self._shares.sum(0) << _MASS
        middle = (self._shares * self._means).sum(0)
        self._centre = (middle + (GRID << (_SHARES - 1))) // (GRID << _SHARES)

    def below(self, which: np.ndarray, values: np.ndarray) -> np.ndarray:
        """The mass below integers, of some of the mixtures: int64, rising with the integer, of 2^40."""
        distance = (values * GRID - GRID // 2) - self._means[:, which]
        z = np.minimum(np.abs(distance) * self._per_scale[:, which], _STEPS * _REACH - 1)
        whole = z.astype(np.int64)
        part = ((z - whole) * (1 << _FRACTION)).astype(np.int64)
        half = _HALF_MASS[whole]
        half = half + ((_HALF_MASS[whole + 1] - half) * part >> _FRACTION)
        mass = (1 << (_MASS - 1)) + np.where(distance < 0, -half, half)
        return (self._shares[:, which] * mass).sum(0)

    def search(self, decide: Decide) -> np.ndarray:
        """The integers (n,) int64 that the decisions lead to.

        First at the centre, then from it in steps of 1, 2, 4, ..., and between these by halves."""
        n = len(self._centre)
        low, high = np.full(n, -_FARTHEST - 1), np.full(n, _FARTHEST)  # low <= value < high; these two are not reached
        mass_low, mass_high = np.zeros(n, np.int64), self._total.copy()
        step, threshold = np.ones(n, np.int64), self._centre.copy()
        which = np.arange(n)
        while len(which):
            at = threshold[which]
            if np.abs(at).max() >= _FARTHEST:
                raise DesyncError("a decoded number leaves 32 bits: the stream is damaged, or of another codec")
            mass = np.clip(self.below(which, at), mass_low[which], mass_high[which])
            up = decide(which, at, _rows(mass_low[which], mass, mass_high[which]))
            if up.dtype != bool:
                if up.size and not 0 <= up.min() <= up.max() <= 1:
                    raise DesyncError("a decision is neither yes nor no: the stream is damaged, or of another codec")
                up = up.astype(bool)
            raised, lowered = which[up], which[~up]
            low[raised], mass_low[raised] = at[up], mass[up]
            high[lowered], mass_high[lowered] = at[~up], mass[~up]
            which = which[high[which] - low[which] > 1]
            bottom, top = low[which], high[which]
            outward_up, outward_down = top == _FARTHEST, bottom == -_FARTHEST - 1
            ahead = np.where(outward_up, bottom + step[which], np.where(outward_down, top - step[which], 0))
            threshold[which] = np.where(outward_up | outward_down, ahead, bottom + (top - bottom) // 2)
            step[which] *= 2
        return low


def _rows(low: np.ndarray, middle: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The table, int32, of the chance of [middle, high) within [low, high)."""
    whole = np.maximum(high - low, 1)
    chance = ((high - middle) * DECISIONS + whole // 2) // whole
    return np.where(high > low, np.clip(chance, 1, DECISIONS - 1) - 1, DECISIONS // 2 - 1).astype(np.int32)


def decision_tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`(cdfs, lengths, offsets)` for a coder: row r codes 1 with a chance of (r + 1) / DECISIONS, or else 0."""
    rows, unit = DECISIONS - 1, (1 << 16) // DECISIONS
    cdfs = np.zeros((rows, 4), np.int32)
    cdfs[:, 1] = (1 << 16) - unit * np.arange(1, DECISIONS)
    cdfs[:, 2], cdfs[:, 3] = (1 << 16) - 1, 1 << 16
    return cdfs, np.full(rows, 4, np.int32), np.zeros(rows, np.int32)
