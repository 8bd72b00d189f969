# SPDX-License-Identifier: Apache-2.0
"""Linear predictions of integers on grids from their past and from one another, found in a series and stored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinify.errors import FormatError
from tinify.models.series.integer_lists import get_integers, pack_integers

UNIT = 1 << 10  # of a weight in 1/65536: what is stored are 64ths
_OWN, _BESIDE, _OTHERS, _LAGS = 8, 6, 3, 2  # lags of its own; channels of the same row; channels of the two rows before
_MOST_FEATURES, _LEAST_ROWS, _MOST_ROWS, _MOST_CHANNELS = 20, 512, 1 << 15, 256
_FEATURE_BITS = 24.0  # that a feature has to save: its own, and some for what is uncertain
_RIDGE = 0.003
_MOST_LAG, _MOST_COUNT, _MOST_WEIGHT = 255, 1 << 6, 1 << 12
_MOST_CENTRE = 1 << 30


@dataclass(frozen=True)
class Predictions:
    """`first` (C + 1,) and `table` (N, 3) as `GridMixing` takes them, and the integers (C,) that they are around."""

    first: np.ndarray
    table: np.ndarray
    centre: np.ndarray

    def pack(self) -> bytes:
        """Lists of integers: how many features each channel has; lags, channels, weights in 64ths; the centres."""
        lists = [np.diff(self.first)]
        lists += [self.table[:, 0], self.table[:, 1], self.table[:, 2] // UNIT] if len(self.table) else []
        return b"".join(pack_integers(values) for values in (*lists, self.centre))

    @classmethod
    def unpack(cls, data: bytes, channels: int) -> Predictions:
        """Undoes `pack`. FormatError when the bytes are no predictions of so many channels."""
        counts, position = get_integers(data, 0, channels)
        if counts.min() < 0 or counts.max() > _MOST_COUNT:
            raise FormatError(f"a channel has {counts.max()} features; at most {_MOST_COUNT} are allowed")
        columns = []
        for _ in range(3 if counts.any() else 0):
            column, position = get_integers(data, position, int(counts.sum()))
            columns.append(column)
        centre, position = get_integers(data, position, channels)
        table = np.stack(columns, axis=1) if columns else np.zeros((0, 3), np.int64)
        lag, channel, weight = table.T
        least = np.where(channel < np.repeat(np.arange(channels), counts), 0, 1)
        sound = (
            (lag >= least).all() and (lag <= _MOST_LAG).all() and (channel >= 0).all() and (channel < channels).all()
        )
        if position != len(data) or not sound:
            raise FormatError(f"{len(data)} bytes are no predictions of {channels} channels from their past")
        if (np.abs(weight) > _MOST_WEIGHT).any() or (np.abs(centre) > _MOST_CENTRE).any():
            raise FormatError("the weight or centre of a prediction is beyond the allowed")
        first = np.concatenate([[0], np.cumsum(counts)])
        return cls(first.astype(np.int32), (table * [1, 1, UNIT]).astype(np.int32), centre)


def find_predictions(k: np.ndarray) -> Predictions | None:
    """Of k (T, C) int: those features that save more bits than they cost, one after the other; None where none does."""
    rows, channels = k.shape
    if rows < _LEAST_ROWS or channels > _MOST_CHANNELS:
        return None
    centre = np.rint(np.clip(k.mean(axis=0), -_MOST_CENTRE, _MOST_CENTRE)).astype(np.int64)
    stride = max(1, rows // _MOST_ROWS)
    at = np.arange(_OWN, rows, stride)
    companions = _companions(k)
    first, table = [0], []
    for c in range(channels):
        table += _features_of(k, centre, c, at, companions[c], rows)
        first.append(len(table))
    if not table:
        return None
    return Predictions(np.array(first, np.int32), np.array(table, np.int32), centre)


def _companions(k: np.ndarray) -> np.ndarray:
    """(C, C): channels by how alike they move."""
    moves = np.diff(k[:_MOST_ROWS].astype(np.float64), axis=0)
    size = np.sqrt(np.square(moves).sum(axis=0))
    moves /= np.where(size > 0, size, 1.0)
    return np.argsort(-np.abs(moves.T @ moves), axis=1, kind="stable")


def _features_of(
    k: np.ndarray, centre: np.ndarray, c: int, at: np.ndarray, companions: np.ndarray, rows: int
) -> list[tuple[int, int, int]]:
    others = [int(j) for j in companions if j != c]
    lags = {c: range(1, _OWN + 1)}
    lags |= {j: range(0 if j < c else 1, _LAGS + 1) for j in others[:_OTHERS]}
    lags |= {j: range(0, 2) for j in [j for j in others[_OTHERS:] if j < c][:_BESIDE]}
    past = {(lag, j): k[at - lag, j] - float(centre[j]) for j, ends in lags.items() for lag in ends}
    # Levels and moves: channels wander, and then only moves say something of one another.
    names = [(key,) for key in past] + [(key, (key[0] + 1, key[1])) for key in past if (key[0] + 1, key[1]) in past]
    inputs = np.stack([past[name[0]] - past[name[1]] if len(name) > 1 else past[name[0]] for name in names], axis=1)
    chosen, weights = _greedy(inputs, k[at, c] - float(centre[c]) - past[1, c], len(at) / 12, rows / len(at))
    found = {(1, c): 64}  # the last value, from which the others move away
    for i, weight in zip(chosen, weights, strict=True):
        whole = round(float(np.clip(64 * weight, -_MOST_WEIGHT / 8, _MOST_WEIGHT / 8)))
        for key, sign in zip(names[i], (1, -1), strict=False):
            found[key] = found.get(key, 0) + sign * whole
    return [(*key, weight * UNIT) for key, weight in sorted(found.items()) if weight or key == (1, c)] if chosen else []


def _greedy(past: np.ndarray, aim: np.ndarray, floor: float, share: float) -> tuple[list[int], np.ndarray]:
    """Orthogonal least squares, as long as a feature saves enough bits; `floor`: power that rounding has."""
    gram, cross = past.T @ past + _RIDGE * len(aim) * np.eye(past.shape[1]), past.T @ aim
    left, wanted, least = gram.copy(), cross.copy(), 1e-6 * gram.diagonal()
    error = float(aim @ aim)
    chosen: list[int] = []
    while len(chosen) < _MOST_FEATURES:
        power = left.diagonal()
        gains = np.where(power > least, np.square(wanted) / np.maximum(power, least), 0.0)
        best = int(np.argmax(gains))
        rest = max(error - float(gains[best]), 0.0)
        if share * len(aim) / 2 * np.log2((error + floor) / (rest + floor)) < _FEATURE_BITS:
            break
        chosen.append(best)
        error = rest
        row = left[best] / power[best]  # what is left of the others once this one is known
        wanted = wanted - row * wanted[best]
        left = left - np.outer(left[:, best], row)
    return chosen, np.linalg.solve(gram[np.ix_(chosen, chosen)], cross[chosen])
