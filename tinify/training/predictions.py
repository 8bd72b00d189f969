# SPDX-License-Identifier: Apache-2.0
"""Linear predictions of each channel from its own past and its companions, as integer weights."""

from __future__ import annotations

import numpy as np

OWN, BESIDE, OTHERS = 16, 8, 8  # lags of its own; channels of the same row; channels of the two rows before
_ROWS = 60000
_RIDGE = 1e-3  # of the mean power of a channel: what quantization will add to the past


def count(channels: int) -> int:
    """How many features there are for so many channels."""
    return sum(len(_features(c, channels, None)) for c in range(channels))


def linear_predictions(pieces: list[np.ndarray], most: int) -> tuple[np.ndarray, np.ndarray]:
    """`(first (C + 1,), table (most, 3))` int32 for `GridMixing` from pieces (T, C); none when `most` is 0.

    Least squares of the step from the last value, ridge towards no step.
    """
    channels = pieces[0].shape[1]
    first = np.zeros(channels + 1, np.int32)
    if not most:
        return first, np.zeros((0, 3), np.int32)
    likeness = _likeness(pieces)
    table = []
    for c in range(channels):
        features = _features(c, channels, likeness[c])
        weights = _solve(pieces, c, features)
        table += [(lag, channel, round(w * 65536)) for (lag, channel), w in zip(features, weights, strict=True)]
        first[c + 1] = len(table)
    return first, np.array(table, np.int32)


def _features(c: int, channels: int, likeness: np.ndarray | None) -> list[tuple[int, int]]:
    rank = np.zeros(channels) if likeness is None else likeness
    others = [j for j in np.argsort(-rank, kind="stable") if j != c]
    beside = [(0, int(j)) for j in others if j < c][:BESIDE]
    past = [(lag, int(j)) for j in others[:OTHERS] for lag in (1, 2)]
    return [(lag, c) for lag in range(1, OWN + 1)] + beside + past


def _likeness(pieces: list[np.ndarray]) -> np.ndarray:
    moves = np.concatenate([np.diff(z.astype(np.float64), axis=0) for z in pieces])
    size = np.sqrt(np.square(moves).sum(axis=0))
    moves /= np.where(size > 0, size, 1.0)
    return np.abs(moves.T @ moves)


def _solve(pieces: list[np.ndarray], c: int, features: list[tuple[int, int]]) -> np.ndarray:
    stride = max(1, sum(map(len, pieces)) // _ROWS)
    past, aims = [], []
    for z in pieces:
        if len(z) > OWN:
            past.append(np.stack([z[OWN - lag : len(z) - lag : stride, j] for lag, j in features], axis=1))
            aims.append(z[OWN::stride, c])
    a, b = np.concatenate(past).astype(np.float64), np.concatenate(aims).astype(np.float64)
    last = np.zeros(len(features))
    last[0] = 1.0
    gram = a.T @ a + _RIDGE * len(a) * np.eye(len(features))
    return last + np.linalg.solve(gram, a.T @ (b - a[:, 0]))
