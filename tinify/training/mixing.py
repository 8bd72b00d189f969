# SPDX-License-Identifier: Apache-2.0
"""Teaches a `SeriesMixing` codec by letting it code: where its contexts end up is where its streams begin.

    tinify train zoo/series-mixing/train.toml --data DIR --run runs/series-mixing

Seconds on one core. 1. Of a codec fitted to one kind of series: rotation, companions and linear predictions by least
squares. 2. Means of low coefficients given the block before, and where sizes 1, 2, 3 lie. 3. Pieces of all sets at all
rates, in random order, go through the coder, once for the grid and once for each block size. No gradients.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tinify.data.series import read_series_sets
from tinify.models.series.likeness import reference_of
from tinify.models.series.mixing import principal
from tinify.models.series.series_mixing import SeriesMixing
from tinify.training.predictions import linear_predictions
from tinify.training.run import logger, save_weights, start

Sets = Sequence[list[np.ndarray]]
_MEANS_RIDGE = 1.0


@dataclass(frozen=True)
class MixingData:
    """`folder` below the data folder; `sets` empty means all."""

    folder: str = "timeseries"
    sets: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class MixingOptions:
    """Rates from `lowest` to `highest` quality; `values` numbers of a set at one rate; `cap`: how many times at most a
    context counts as seen when a stream begins, so that it soon follows what is there."""

    lowest: float = 15.0
    highest: float = 90.0
    rates: int = 11
    values: int = 60000
    cap: int = 30


@dataclass(frozen=True)
class MixingRecipe:
    """The whole of it. `codec` is a table for `tinify.build`: kind, name and arguments."""

    codec: dict[str, Any]
    data: MixingData = field(default_factory=MixingData)
    learn: MixingOptions = field(default_factory=MixingOptions)
    seed: int = 0
    threads: int = 0


def learn(codec: SeriesMixing, sets: Sets, options: MixingOptions, seed: int, log: Callable[[dict], object]) -> None:
    """Steps 1 to 3 from normalised pieces (T, C) of each set."""
    since = time.perf_counter()
    random = np.random.default_rng(seed)
    if codec.fitted is not None:
        _fit_channels(codec, sets[0])
    steps = [codec.step_of(q)[1] for q in np.linspace(options.lowest, options.highest, options.rates)]
    codec.grid.learn(
        [_grid_job(codec, z, step) for z, step in _pieces(sets, steps, options.values, random)], options.cap
    )
    log({"way": "grid", "state_kb": len(codec.grid.state) // 1024, "seconds": round(time.perf_counter() - since, 1)})
    for way, block in enumerate(codec.blocks, 1):
        mixed = [[_mixed(codec, z) for z in pieces] for pieces in sets]
        _fit_means(codec, mixed, way)
        _fit_shrink(codec, mixed, way, steps, options.values, random)
        jobs = []
        for z, step in _pieces(mixed, steps, options.values, random):
            q = codec.quantize(codec.analysis(z, way) / np.float32(step))
            jobs.append((q, codec._means(way, z.shape[1])))
        codec.models[way - 1].learn(jobs, options.cap)
        kb = len(codec.models[way - 1].state) // 1024
        log({"way": block, "state_kb": kb, "seconds": round(time.perf_counter() - since, 1)})


def _pieces(sets: Sets, steps: list[float], values: int, random) -> list[tuple[np.ndarray, float]]:
    """A piece of each set at each rate, in random order; any step within the octave, so that none is special."""
    chosen = []
    for pieces in sets:
        for step in steps:
            z = pieces[random.integers(len(pieces))]
            rows = min(len(z), max(1, values // z.shape[1]))
            first = int(random.integers(len(z) - rows + 1))
            chosen.append((z[first : first + rows], step * 2 ** random.uniform(-0.5, 0.5)))
    return [chosen[i] for i in random.permutation(len(chosen))]


def _grid_job(codec: SeriesMixing, z: np.ndarray, step: float) -> tuple:
    return np.rint(z / step).astype(np.int32), *codec._side(z)


def _mixed(codec: SeriesMixing, z: np.ndarray) -> np.ndarray:
    return z if codec.fitted is None or codec.fitted.mixing is None else codec.fitted.mixing.mix(z)


def _fit_channels(codec: SeriesMixing, pieces: list[np.ndarray]) -> None:
    fitted, z = codec.fitted, np.concatenate(pieces)
    if z.shape[1] > 1:
        fitted.rotation.copy_(torch.from_numpy(np.ascontiguousarray(principal(pieces)).astype(np.float32)))
    fitted.reference.copy_(torch.from_numpy(reference_of(z)))
    first, table = linear_predictions(pieces, most=len(fitted.table))
    fitted.first.copy_(torch.from_numpy(first))
    fitted.table.copy_(torch.from_numpy(table))


def _fit_means(codec: SeriesMixing, sets: Sets, way: int) -> None:
    """Least squares of the four lowest coefficients on the eight of the block before, over sets or for each channel."""
    grams, crosses = [], []
    for pieces in sets:
        ys = [codec.analysis(z, way)[:, :, :8] for z in pieces]
        before, after = (np.concatenate([y[part] for y in ys]) for part in (slice(None, -1), slice(1, None)))
        power = np.square(before).sum(axis=(0, 2))[:, None, None] + 1e-9
        grams.append(np.einsum("bci,bcj->cij", before, before) / power)
        crosses.append(np.einsum("bci,bcj->cij", before, after[:, :, :4]) / power)
    if codec.fitted is None:
        gram, cross = (np.sum([m.mean(axis=0) for m in ms], axis=0)[None] for ms in (grams, crosses))
    else:
        gram, cross = grams[0], crosses[0]
    # Above 0 also where a channel is constant.
    ridge = (1e-9 + 1e-3 * np.trace(gram, axis1=1, axis2=2)[:, None, None]) * np.eye(8)
    weights = np.rint(np.linalg.solve(gram + ridge, cross).transpose(0, 2, 1) * 65536).astype(np.int32)
    if codec.fitted is None:
        codec.means[way - 1] = torch.from_numpy(weights[0])
    else:
        codec.fitted.means[way - 1] = torch.from_numpy(weights)


def _fit_shrink(codec: SeriesMixing, sets: Sets, way: int, steps: list[float], values: int, random) -> None:
    moved = []
    for z, step in _pieces(sets, steps, values, random):
        y = codec.analysis(z, way) / np.float32(step)
        size, q = np.abs(y).ravel(), np.abs(codec.quantize(y)).ravel()
        where = [q == 1, q == 2, q >= 3]
        moved.append([float((size[w] - q[w]).mean()) if w.sum() > 30 else np.nan for w in where])
    with np.errstate(all="ignore"):
        codec.shrink[way - 1] = torch.from_numpy(np.nan_to_num(np.nanmean(moved, axis=0)).astype(np.float32))


def train(recipe: MixingRecipe, data: Path, run: Path) -> SeriesMixing:
    """Runs the recipe and writes the weights; returns the codec."""
    codec: SeriesMixing = start(recipe, run)
    log = logger(run)
    sets = read_series_sets(data / recipe.data.folder, "train", recipe.data.sets)
    learn(codec, [s.normalised() for s in sets], recipe.learn, recipe.seed, log)
    save_weights(codec, run)
    return codec
