# SPDX-License-Identifier: Apache-2.0
"""Fits a `WaveletScheduled` codec: reconstruction points, weights of neighbours, and tables.

    tinify train zoo/photo-fast/train.toml --data DIR --run runs/photo-fast

Two minutes on one core, no gradients. Crops of pictures at all rates are rounded, then everything is fitted to them;
with these tables they are rounded again, bits weighed, and everything is fitted again. Some crops are coded without
loss, so that one set of weights serves both. The run folder gets `log.jsonl` and `weights.safetensors`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tinify.data.images import ImageCrops
from tinify.models.image.wavelet_scheduled import WaveletScheduled
from tinify.training import neighbourhood
from tinify.training.run import logger, save_weights, start


@dataclass(frozen=True)
class SubbandData:
    """`folders` below the data folder; `pictures` crops of `crop` x `crop`, each at `rates` rates; and `exact` crops of
    the folders `exact_folders` without loss."""

    folders: list[str]
    exact_folders: list[str] = field(default_factory=list)
    crop: int = 384
    pictures: int = 100
    rates: int = 3
    exact: int = 0


@dataclass(frozen=True)
class SubbandRates:
    """Qualities from `lowest` to `highest`."""

    lowest: float = 8.0
    highest: float = 78.0


@dataclass(frozen=True)
class SubbandRecipe:
    """The whole of it. `codec` is a table for `tinify.build`: kind, name and arguments."""

    codec: dict[str, Any]
    data: SubbandData
    rates: SubbandRates = field(default_factory=SubbandRates)
    seed: int = 0
    threads: int = 0


@torch.no_grad()
def learn(codec: WaveletScheduled, data: Path, recipe: SubbandRecipe, log: Callable[[dict], None]) -> None:
    """Both rounds."""
    since, rounding = time.perf_counter(), codec.quantizer.quantize
    exact = list(_exact(codec, data, recipe))
    for choose in (lambda y, step: rounding(y - 0.1 * step * y.sign(), step), codec.choose):
        quantizer, latents = codec.quantizer.quantizer, []
        counted = torch.zeros(1, 3, 2, dtype=torch.float64)
        for y, step in _subbands(codec, data, recipe):
            q = choose(y, step)
            counted += quantizer.count(y, q, step)
            latents.append([q.numpy().astype(np.int16)])
        quantizer.fit(counted)
        everything = [*latents, *exact]
        neighbourhood.fit(codec.latent_codec, lambda found=everything: _as_int32(found), log, recipe.seed)
        log({"points": quantizer.points.flatten().tolist(), "seconds": round(time.perf_counter() - since, 1)})


def _as_int32(latents: list[list[np.ndarray]]) -> Iterator[list[np.ndarray]]:
    return ([q.astype(np.int32) for q in arrays] for arrays in latents)


def _subbands(codec: WaveletScheduled, data: Path, recipe: SubbandRecipe) -> Iterator[tuple]:
    """`(y, step)` of crops at rates that are spread evenly, in random order; the same ones each time."""
    random, options = np.random.default_rng(recipe.seed), recipe.rates
    folders = [data / folder for folder in recipe.data.folders]
    crops = ImageCrops(folders, recipe.data.crop, 1, recipe.seed)
    for _, batch in zip(range(recipe.data.pictures), crops, strict=False):
        y = codec.analysis(batch.float() / 255)[0]
        for quality in random.uniform(options.lowest, options.highest, recipe.data.rates):
            yield y, codec.step_of(codec.level_of(float(quality)))


def _exact(codec: WaveletScheduled, data: Path, recipe: SubbandRecipe) -> Iterator[list[np.ndarray]]:
    if recipe.data.exact:
        folders = [data / folder for folder in recipe.data.exact_folders]
        crops = ImageCrops(folders, recipe.data.crop, 1, recipe.seed)
        for _, batch in zip(range(recipe.data.exact), crops, strict=False):
            yield [codec.exact_analysis(batch[0].int()).numpy().astype(np.int16)]


def train(recipe: SubbandRecipe, data: Path, run: Path) -> WaveletScheduled:
    """Runs the recipe and writes the weights; returns the codec."""
    codec: WaveletScheduled = start(recipe, run)
    learn(codec.eval(), data, recipe, logger(run))
    save_weights(codec, run)
    return codec
