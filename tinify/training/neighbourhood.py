# SPDX-License-Identifier: Apache-2.0
"""Fits the integer contexts of a `DctTokenizer` from a recipe, to be read from top to bottom; minutes on one core.

    python -m tinify.training.neighbourhood zoo/dct-tokenizer/train.toml --data DIR --run runs/dct-tokenizer

For each block size: 1. prediction of the lowest sites by least squares; 2. weights of the neighbours, as those of the
scale of a Laplace distribution with the most likely numbers; 3. tables from counts; 4. reconstruction points. Every set
and every step (rate) counts the same. The run folder gets `log.jsonl` and `weights.safetensors`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from tinify.data.series import SeriesSet, read_series_sets
from tinify.entropy_models.neighbourhood import EDGES, NEIGHBOURS, PREDICTION_BITS, SHARED_FROM, SITES_USED, TOTAL, UNIT
from tinify.latent_codecs.neighbourhood import NeighbourhoodLatentCodec
from tinify.models.series.dct_tokenizer import DctTokenizer
from tinify.training.run import command_line, logger, save_weights, start

_WIDEST = 1000  # magnitudes beyond are escaped in every row


@dataclass(frozen=True)
class FitData:
    """`folder` below the data folder; `sets` empty means all; `values` of a set at one rate go into the tables."""

    folder: str = "timeseries"
    sets: list[str] = field(default_factory=list)
    values: int = 300000


@dataclass(frozen=True)
class FitOptions:
    """Rates from `lowest` to `highest` quality; numbers a class for the weights and their Adam steps."""

    lowest: float = 12.0
    highest: float = 92.0
    rates: int = 14
    numbers: int = 3000
    steps: int = 150
    lr: float = 0.08


@dataclass(frozen=True)
class FitRecipe:
    """The whole of it. `codec` is a table for `tinify.build`: kind, name and arguments."""

    codec: dict[str, Any]
    data: FitData = field(default_factory=FitData)
    fit: FitOptions = field(default_factory=FitOptions)
    seed: int = 0
    threads: int = 0


def fit(codec: DctTokenizer, sets: list[SeriesSet], recipe: FitRecipe, log) -> None:
    """Steps 1 to 4 for each block size."""
    for number, (block, latent) in enumerate(zip(codec.blocks, codec.latent_codecs, strict=True)):
        since = time.perf_counter()
        ys = {s.name: _blocks(codec, s, number) for s in sets}
        _fit_prediction(latent, [y for y in ys.values() if y])
        rates = [codec.step_of(q)[1] for q in np.linspace(recipe.fit.lowest, recipe.fit.highest, recipe.fit.rates)]
        random = np.random.default_rng(recipe.seed)
        loss = _fit_weights(latent, list(_scaled(ys, rates, recipe.data.values // 5, random)), recipe.fit)
        _fit_tables(latent, _scaled(ys, rates, recipe.data.values, random), weight=0.0)
        # Once more on the numbers that rate-aware rounding with these tables chooses.
        _fit_tables(latent, _scaled(ys, rates, recipe.data.values, random), weight=1.0)
        log(
            {
                "block": block,
                "bits_a_number_in_the_fit": round(loss, 4),
                "numbers": len(latent.prior.frequencies),
                "shrink": latent.shrink.mean(0).tolist(),
                "seconds": round(time.perf_counter() - since, 1),
            }
        )


def _blocks(codec: DctTokenizer, s: SeriesSet, number: int) -> list[np.ndarray]:
    """y (steps, block, lanes) of each piece, float32."""
    pieces = [z for z in s.normalised() if len(z) >= 4 * codec.blocks[number]]
    return [codec.analysis(z, number, codec._lane(len(z), number)) for z in pieces]


def _scaled(ys: dict[str, list], rates: list[float], values: int, random) -> Iterator[np.ndarray]:
    """y in units of the step for each set and rate, about `values` numbers each, lanes chosen at random."""
    for pieces in ys.values():
        for step in rates if pieces else ():
            y = pieces[random.integers(len(pieces))]
            lanes = random.permutation(y.shape[2])[: max(1, values // (y.shape[0] * y.shape[1]))]
            # Any scale within the octave: tables then do not depend on the recipe's grid of rates.
            yield y[:, :, np.sort(lanes)] / np.float32(step * 2 ** random.uniform(-0.5, 0.5))


def _fit_prediction(latent: NeighbourhoodLatentCodec, sets: list[list[np.ndarray]]) -> None:
    sites = latent.prior.sites
    used, aims = min(SITES_USED, sites), min(6, sites)
    gram, cross = np.zeros((used, used)), np.zeros((used, aims))
    for pieces in sets:
        before, after = (_flat(pieces, slice(None, -1), used), _flat(pieces, slice(1, None), aims))
        power = np.square(before).sum()
        gram, cross = gram + before @ before.T / power, cross + before @ after.T / power
    ridge = 1e-6 * np.trace(gram) / used * np.eye(used)
    matrix = np.zeros((sites, SITES_USED), np.int32)
    matrix[:aims, :used] = np.round(np.linalg.solve(gram + ridge, cross).T * (1 << PREDICTION_BITS))
    latent.prior.prediction.copy_(torch.from_numpy(matrix))


def _flat(pieces: list[np.ndarray], steps: slice, sites: int) -> np.ndarray:
    parts = [y[steps, :sites].transpose(1, 0, 2).reshape(sites, -1) for y in pieces]
    return np.concatenate(parts, axis=1).astype(np.float64)


def _fit_weights(latent: NeighbourhoodLatentCodec, ys: list[np.ndarray], options: FitOptions) -> float:
    prior, total = latent.prior, 0.0
    samples = [_neighbours(latent, latent.quantize(y, 0.0)) for y in ys]
    weights = np.zeros((prior.classes, NEIGHBOURS), np.int32)
    random = np.random.default_rng(0)
    for c in range(prior.classes):
        sites = np.flatnonzero(prior.site_class == c)
        parts = []
        for r, n in samples:
            flat = np.concatenate([np.abs(r[None, :, sites]), n[:, :, sites]]).reshape(1 + NEIGHBOURS, -1)
            parts.append(flat[:, random.integers(flat.shape[1], size=min(options.numbers, flat.shape[1]))])
        numbers = torch.from_numpy(np.concatenate(parts, axis=1)).float()
        w, loss = _laplace_weights(numbers[0], numbers[1:], options)
        weights[c], total = np.minimum(np.round(w * UNIT), 4 * UNIT), total + loss * len(sites) / prior.sites
    prior.weights.copy_(torch.from_numpy(weights))
    return total


def _neighbours(latent: NeighbourhoodLatentCodec, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """r and the nine magnitudes (9, steps, sites, lanes): what each weight alone would make of them."""
    prior = latent.prior
    r, _ = prior.all_rows(q)
    m, below = np.minimum(np.abs(q), 1 << 15), np.minimum(np.abs(r), 1 << 15)
    n = np.zeros((NEIGHBOURS, *q.shape), np.int32)
    for group in prior.groups:
        for i in range(min(4, group.start)):
            n[i, :, group] = below[:, group.start - 1 - i, None]
    n[4, 1:], n[8, 2:] = m[:-1], m[:-2]
    n[5, 1:, 1:], n[6, 1:, :-1], n[7, 1:, 2:] = m[:-1, :-1], m[:-1, 1:], m[:-1, :-2]
    return r, n


def _laplace_weights(m: torch.Tensor, n: torch.Tensor, options: FitOptions) -> tuple[np.ndarray, float]:
    w, least = torch.full((NEIGHBOURS,), -2.2, requires_grad=True), torch.tensor(-2.5, requires_grad=True)
    optimizer = torch.optim.Adam([w, least], lr=options.lr)
    for _ in range(options.steps):
        scale = F.softplus(least) + F.softplus(w) @ n
        nothing = -torch.log1p(-torch.exp(-0.5 / scale) + 1e-9)
        something = (m - 0.5) / scale - torch.log1p(-torch.exp(-1 / scale) + 1e-12) + np.log(2)
        loss = torch.where(m == 0, nothing, something).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    # A neighbour that the class never has keeps the weight it began with, which then multiplies zeros.
    return F.softplus(w).detach().numpy(), float(loss.detach()) / float(np.log(2))


def _fit_tables(latent: NeighbourhoodLatentCodec, ys: Iterator[np.ndarray], weight: float) -> None:
    prior = latent.prior
    counts = np.zeros((prior.rows, _WIDEST + 2))
    offsets = np.zeros((2, prior.classes, 3))
    for y in ys:
        q = latent.quantize(y, weight)
        r, rows = prior.all_rows(q)
        at = rows.astype(np.int64) * counts.shape[1] + np.minimum(np.abs(r), _WIDEST + 1)
        counts += np.bincount(at.ravel(), minlength=counts.size).reshape(counts.shape)
        for magnitude in (1, 2, 3):
            hit = np.abs(q) == magnitude
            group = np.broadcast_to(prior.site_class[:, None], q.shape)[hit]
            offsets[0, :, magnitude - 1] += np.bincount(group, magnitude - np.abs(y[hit]), prior.classes)
            offsets[1, :, magnitude - 1] += np.bincount(group, minlength=prior.classes)
    halves, frequencies = zip(*(_table(prior, row, counts) for row in range(prior.rows)), strict=True)
    prior.halves = torch.tensor(halves, dtype=torch.int32)
    prior.frequencies = torch.from_numpy(np.concatenate(frequencies).astype(np.int32))
    latent.shrink.copy_(torch.from_numpy(offsets[0] / (offsets[1] + 200)).float())


def _table(prior, row: int, counts: np.ndarray) -> tuple[int, np.ndarray]:
    """`(half, counts less one of 0 ... half)`: counted, smoothed by a Laplace distribution of the bin's scale."""
    shared = row >= prior.classes * SHARED_FROM
    bin_ = row - (prior.classes - 1) * SHARED_FROM if shared else row % SHARED_FROM
    magnitudes = np.arange(_WIDEST + 2)
    same = counts[row : row + 1] if shared else counts[bin_ : prior.classes * SHARED_FROM : SHARED_FROM]
    pooled = same.sum(axis=0)
    scale = (EDGES[min(bin_, len(EDGES) - 1)] + 3) / UNIT if pooled.sum() < 200 else pooled @ magnitudes / pooled.sum()
    laplace = np.exp(-magnitudes / max(scale, 0.02)) * np.where(magnitudes, 2, 1)
    pooled = pooled + 50 * laplace / laplace.sum()
    own = counts[row] + 60 * pooled / pooled.sum()
    if scale > 6:  # few of each: numbers of about one size share their counts
        width = int(scale / 2)
        own[1:] = np.convolve(np.pad(own[1:], width, mode="edge"), np.full(2 * width + 1, 1 / (2 * width + 1)), "valid")
    half = int(np.clip(6 * scale + 4, 8, _WIDEST))
    free = TOTAL - 1 - (2 * half + 1)
    kept = free * (1 - max(own[half + 1 :].sum() / own.sum(), 2e-5))
    shares = own[: half + 1] / own[: half + 1].sum() * kept
    shares[1:] /= 2
    whole = np.floor(shares).astype(np.int64)
    whole[0] += int(kept) - whole[0] - 2 * whole[1:].sum()
    # What the escape does not need goes to it all the same: TOTAL less the rest.
    return half, whole


def train(recipe: FitRecipe, data: Path, run: Path) -> DctTokenizer:
    """Runs the recipe and writes the weights; returns the codec."""
    codec: DctTokenizer = start(recipe, run)
    log = logger(run)
    fit(codec, read_series_sets(data / recipe.data.folder, "train", recipe.data.sets), recipe, log)
    save_weights(codec, run)
    return codec


if __name__ == "__main__":
    command_line(__doc__, FitRecipe, train)
