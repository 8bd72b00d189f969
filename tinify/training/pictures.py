# SPDX-License-Identifier: Apache-2.0
"""Teaches a `WaveletMixing` codec by letting it code: where its contexts end up is where its streams begin.

    tinify train zoo/photo-best/train.toml --data DIR --run runs/photo-best

A minute on one core. 1. Where magnitudes 1, 2, 3 lie between the steps. 2. Crops of pictures at all rates, in random
order, go through the coder. No gradients. The run folder gets `log.jsonl` and `weights.safetensors`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tinify.data.images import ImageCrops
from tinify.models.image.rate_choice import choose
from tinify.models.image.wavelet_mixing import WaveletMixing
from tinify.training.run import logger, save_weights, start

_FOR_POINTS = 24  # pictures that reconstruction points are counted on


@dataclass(frozen=True)
class PictureData:
    """`folders` below the data folder; `pictures` crops of `crop` x `crop`, each at `rates` rates."""

    folders: list[str]
    crop: int = 384
    pictures: int = 200
    rates: int = 3


@dataclass(frozen=True)
class PictureLearning:
    """Rates from `lowest` to `highest` quality; `cap`: how many times at most a context counts as seen when a stream
    begins, so that it soon follows what is there."""

    lowest: float = 10.0
    highest: float = 75.0
    cap: int = 30


@dataclass(frozen=True)
class PictureRecipe:
    """The whole of it. `codec` is a table for `tinify.build`: kind, name and arguments."""

    codec: dict[str, Any]
    data: PictureData
    learn: PictureLearning = field(default_factory=PictureLearning)
    seed: int = 0
    threads: int = 0


@torch.no_grad()
def learn(codec: WaveletMixing, crops: ImageCrops, recipe: PictureRecipe, log) -> None:
    """Steps 1 and 2."""
    since = time.perf_counter()
    quantizer = codec.quantizer.quantizer
    few = _symbols(codec, crops, recipe, _FOR_POINTS)
    quantizer.fit(sum(quantizer.count(y, q, step) for y, q, step in few))
    log({"points": [round(float(p), 4) for p in quantizer.points.flatten()]})
    jobs = (q.numpy() for _, q, _ in _symbols(codec, crops, recipe, recipe.data.pictures))
    codec.entropy_model.learn(jobs, codec.levels, recipe.learn.cap)
    kb = len(codec.entropy_model.state) // 1024
    log({"state_kb": kb, "seconds": round(time.perf_counter() - since, 1)})


def _symbols(codec: WaveletMixing, crops: ImageCrops, recipe: PictureRecipe, pictures: int) -> Iterator[tuple]:
    """`(y, symbols, step)` of crops at rates that are spread evenly, each a little off, in random order."""
    random, options = np.random.default_rng(recipe.seed), recipe.learn
    for _, batch in zip(range(pictures), crops, strict=False):
        y = codec.analysis(batch.float() / 255)[0]
        for quality in random.uniform(options.lowest, options.highest, recipe.data.rates):
            step = codec.step_of(codec.level_of(float(quality)))
            yield y, choose(codec.quantizer, y, step, codec.levels), step


def train(recipe: PictureRecipe, data: Path, run: Path) -> WaveletMixing:
    """Runs the recipe and writes the weights; returns the codec."""
    codec: WaveletMixing = start(recipe, run)
    folders = [data / folder for folder in recipe.data.folders]
    learn(codec.eval(), ImageCrops(folders, recipe.data.crop, 1, recipe.seed), recipe, logger(run))
    save_weights(codec, run)
    return codec
