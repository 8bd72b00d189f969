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
    """A data set: continuous pieces (T, C) of one split, and the mean and deviation (C,) of its train split."""

    name: str
    pieces: list[np.ndarray]
    mean: np.ndarray
    deviation: np.ndarray

    def normalised(self) -> list[np.ndarray]:
        """The pieces in units of the train split's standard deviation, float32."""
        return [((piece - self.mean) / self.deviation).astype(np.float32) for piece in self.pieces]


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
    train = np.concatenate([x[a:b] for a, b in _ranges(entry["split"]["train"])])
    deviation = train.std(axis=0)
    deviation[deviation == 0] = 1.0
    pieces = [x[a:b] for low, high in _ranges(entry["split"][split]) for a, b in _cut(low, high, starts)]
    return SeriesSet(name, pieces, train.mean(axis=0), deviation)


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
