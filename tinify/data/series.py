# SPDX-License-Identifier: Apache-2.0
"""Windows of real series, for training."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tinify.errors import InputError


@dataclass(frozen=True)
class SeriesSet:
    """A data set: continuous pieces (T, C) of one split, the mean and deviation (C,) of its train split, and, where it
    has any, a label of each row (T,) of each piece."""

    name: str
    pieces: list[np.ndarray]
    mean: np.ndarray
    deviation: np.ndarray
    labels: list[np.ndarray] | None = None

    def normalised(self) -> list[np.ndarray]:
        """The pieces in units of the train split's standard deviation, float32."""
        return [((piece - self.mean) / self.deviation).astype(np.float32) for piece in self.pieces]

    def windows(self, rows: int, stride: int) -> np.ndarray:
        """Normalised windows (N, C, rows) float32, `stride` rows apart; none crosses the end of a piece."""
        return np.concatenate([_windows(piece, rows, stride) for piece in self.normalised()])

    def window_labels(self, rows: int, stride: int) -> np.ndarray:
        """The label (N,) int64 of each of `windows`: that of its middle row. InputError for a set without labels."""
        if self.labels is None:
            raise InputError(f"set {self.name!r} has no labels")
        found = [_windows(piece[:, None], rows, stride)[:, 0, rows // 2] for piece in self.labels]
        return np.concatenate(found).astype(np.int64)


def _windows(piece: np.ndarray, rows: int, stride: int) -> np.ndarray:
    if len(piece) < rows:
        return np.empty((0, piece.shape[1], rows), piece.dtype)
    return np.lib.stride_tricks.sliding_window_view(piece, rows, axis=0)[::stride]


def read_series_sets(folder: Path, split: str, names: list[str] | None = None) -> list[SeriesSet]:
    """The sets that `index.json` in `folder` lists: a split is [start, end] rows, or a list of such ranges; a piece
    does not cross the start of a recording. Raises InputError where the index is missing."""
    index_file = Path(folder) / "index.json"
    if not index_file.is_file():
        raise InputError(f"{index_file} is missing; it has to list the sets and their splits")
    index = json.loads(index_file.read_text("utf-8"))
    chosen = names or [name for name, entry in index.items() if isinstance(entry, dict) and "split" in entry]
    return [_read_set(Path(folder), name, index[name], split) for name in chosen]


def _read_set(folder: Path, name: str, entry: dict, split: str) -> SeriesSet:
    with np.load(folder / entry["file"]) as arrays:
        x = arrays["x"].astype(np.float64)
        starts = arrays["segments"] if "segments" in arrays else np.zeros(1, np.int64)
        labels = arrays.get("labels")
    train = np.concatenate([x[a:b] for a, b in _ranges(entry["split"]["train"])])
    deviation = train.std(axis=0)
    deviation[deviation == 0] = 1.0
    cuts = [cut for low, high in _ranges(entry["split"][split]) for cut in _cut(low, high, starts)]
    marks = None if labels is None else [labels[a:b] for a, b in cuts]
    return SeriesSet(name, [x[a:b] for a, b in cuts], train.mean(axis=0), deviation, marks)


def _ranges(split: list) -> list:
    return split if isinstance(split[0], list) else [split]


def _cut(low: int, high: int, starts: np.ndarray) -> list[tuple[int, int]]:
    bounds = [low, *(int(s) for s in starts if low < s < high), high]
    return list(pairwise(bounds))


class SeriesWindows:
    """Random windows (batch, length) of single channels, float32: every set as often as every other, whatever its size.

    A window is scaled by a random factor in [0.5, 2] and flipped in sign half of the time, so that no level or
    direction is special. Deterministic for a seed.
    """

    def __init__(self, sets: list[SeriesSet], length: int, seed: int = 0):
        self.length = length
        self._channels = [
            [np.ascontiguousarray(z[:, c]) for z in s.normalised() for c in range(z.shape[1]) if len(z) >= length]
            for s in sets
        ]
        self._random = np.random.default_rng(seed)

    def batch(self, size: int) -> Tensor:
        return torch.from_numpy(np.stack([self._window() for _ in range(size)]))

    def _window(self) -> np.ndarray:
        random = self._random
        channels = self._channels[random.integers(len(self._channels))]
        channel = channels[random.integers(len(channels))]
        start = random.integers(len(channel) - self.length + 1)
        factor = np.float32(2 ** random.uniform(-1, 1) * random.choice((-1, 1)))
        return channel[start : start + self.length] * factor
