# SPDX-License-Identifier: Apache-2.0
"""Fits a `JpegLike` codec to pictures, in a minute or two on one core; no gradients.

    tinify train zoo/jpeg-like/train.toml --data DIR --run runs/jpeg-like

1. Where magnitudes 1, 2, 3 lie between the steps. 2. What is expected of coefficients, and tables, from crops at all
qualities, with each table of steps and subsampling. The run folder gets `log.jsonl` and `weights.safetensors`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tinify.data.images import ImageCrops
from tinify.models.image.jpeg_like import FACTORS, TABLES, JpegLike
from tinify.training.block_planes import fit
from tinify.training.run import logger, save_weights, start


@dataclass(frozen=True)
class PictureData:
    """`folders` below the data folder; `pictures` crops of `crop` x `crop`, each at `rates` qualities."""

    folders: list[str]
    crop: int = 384
    pictures: int = 80
    rates: int = 2


@dataclass(frozen=True)
class PlaneFitting:
    """Qualities from `lowest` to `highest`; `few` coefficients of each plane, phase and picture for least squares;
    `usual`: the share of pictures with the codec's own table and subsampling, of any quality in between."""

    lowest: float = 8.0
    highest: float = 97.0
    few: int = 40
    usual: float = 0.6


@dataclass(frozen=True)
class JpegLikeRecipe:
    """The whole of it. `codec` is a table for `tinify.build`: kind, name and arguments."""

    codec: dict[str, Any]
    data: PictureData
    fit: PlaneFitting = field(default_factory=PlaneFitting)
    seed: int = 0
    threads: int = 0


@torch.no_grad()
def learn(codec: JpegLike, crops: ImageCrops, recipe: JpegLikeRecipe, log) -> None:
    """Steps 1 and 2."""
    since, pairs = time.perf_counter(), list(_levels(codec, crops, recipe))
    for matrix, chroma in ((codec.luma, False), (codec.chroma, True)):
        matrix.fit(sum(codec.count_points(x, level, chroma) for x, level in pairs))
    points = [[round(float(p), 4) for p in m.points.flatten()] for m in (codec.luma, codec.chroma)]
    log({"points": points})
    latents = [codec.coefficients(x, level) for x, level in pairs]
    fit(codec.planes, lambda: latents, log, recipe.fit.few, recipe.seed)
    log({"pictures": len(latents), "seconds": round(time.perf_counter() - since, 1)})


def _levels(codec: JpegLike, crops: ImageCrops, recipe: JpegLikeRecipe):
    """(x (3, H, W) in [0, 1], level) of crops at qualities spread evenly, most as the codec writes them."""
    random, options, variants = np.random.default_rng(recipe.seed), recipe.fit, len(TABLES) * len(FACTORS)
    for _, batch in zip(range(recipe.data.pictures), crops, strict=False):
        for _ in range(recipe.data.rates):
            quality = round(random.uniform(options.lowest, options.highest))
            variant = codec.variant if random.random() < options.usual else int(random.integers(variants))
            yield batch[0].float() / 255, quality + variant / 256


def train(recipe: JpegLikeRecipe, data: Path, run: Path) -> JpegLike:
    """Runs the recipe and writes the weights; returns the codec."""
    codec: JpegLike = start(recipe, run)
    folders = [data / folder for folder in recipe.data.folders]
    learn(codec.eval(), ImageCrops(folders, recipe.data.crop, 1, recipe.seed), recipe, logger(run))
    save_weights(codec, run)
    return codec
