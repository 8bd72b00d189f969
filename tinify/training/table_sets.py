# SPDX-License-Identifier: Apache-2.0
"""What fits to contexts of magnitudes have in common: weights of neighbours, sets of tables that share the parts."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from tinify.entropy_models.neighbourhood import BINS

_FLOOR = 0.05  # of a mean size, in its variance
_ROUNDS = 12


def expected_sizes(around: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Weights (taps,) >= 0 of what is around, float64 (n, taps), whose sum is the size (n,) to be expected.

    Non-negative least squares, three times: each error counts by what the time before expected there."""
    weights, expected = np.zeros(around.shape[1]), np.full(len(around), 1.0)
    for _ in range(3):
        scaled = around / (expected + _FLOOR)[:, None]
        gram = scaled.T @ scaled + 1e-6 * len(around) * np.eye(len(weights))
        root = np.linalg.cholesky(gram)
        weights = nnls(root.T, np.linalg.solve(root, scaled.T @ (sizes / (expected + _FLOOR))))[0]
        expected = around @ weights
    return weights


def share_out(counts: np.ndarray, sets: int, seed: int) -> np.ndarray:
    """The set of each part, of counts float32 (parts, BINS * sizes), such that tables made of all parts of a set cost
    them little: k-means, in bits."""
    # Parts begin in order of what they cost a number, as rates and planes are told apart by nothing else so well.
    spent = (counts @ _bits(counts.sum(0, keepdims=True))[0]) / np.maximum(counts.sum(1), 1)
    spent += 1e-9 * np.random.default_rng(seed).random(len(counts))
    chosen = spent.argsort().argsort() * sets // len(counts)
    for _ in range(_ROUNDS):
        sums = np.stack([counts[chosen == number].sum(0) for number in range(sets)])
        chosen = (counts @ _bits(sums).T).argmin(1)
    return chosen


def _bits(counts: np.ndarray) -> np.ndarray:
    """Bits of each cell (sets, BINS * sizes) under tables of these counts."""
    table = counts.reshape(len(counts), BINS, -1) + 0.05
    return -np.log2(table / table.sum(-1, keepdims=True)).reshape(counts.shape)
