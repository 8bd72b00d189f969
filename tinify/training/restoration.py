# SPDX-License-Identifier: Apache-2.0
"""Trains the network of a `WaveletMixing` codec that restores decoded pictures; all else of the codec stays.

    tinify train zoo/photo-best/restore.toml --data DIR --run runs/photo-best-restored

Begins from the weights that `tinify.training.pictures` wrote. 1. Every picture is coded, `passes` times, each time at
another rate. 2. From crops of the planes the network learns what coding took away. The error of each rate weighs as
much as that of any other. The run folder gets `log.jsonl` and `weights.safetensors`: an average over the last steps, of
which the network's numbers have 16 bits.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tinify.data.images import ImageCrops
from tinify.errors import WeightsError
from tinify.models.image.restoration import WaveletRestoration
from tinify.models.image.wavelet_mixing import WaveletMixing
from tinify.training.run import logger, start


@dataclass(frozen=True)
class PlaneData:
    """`folders` below the data folder, and the `highest` quality that pictures of each are coded at: what is left of
    an earlier JPEG is nothing to learn. `crop`: of planes, which have half the height and width."""

    folders: list[str]
    highest: list[float]
    lowest: float = 5.0
    passes: int = 2
    crop: int = 48
    batch_size: int = 8


@dataclass(frozen=True)
class RestorationLearning:
    """AdamW with a short warm-up and a cosine decay."""

    steps: int
    lr: float = 2e-3
    final_lr: float = 1e-5
    warmup_steps: int = 100
    ema_decay: float = 0.998


@dataclass(frozen=True)
class RestorationRecipe:
    """The whole of it. `weights`: of the same codec, whose network is not looked at."""

    codec: dict[str, Any]
    data: PlaneData
    learn: RestorationLearning
    weights: str
    seed: int = 0
    threads: int = 0


class Coded(NamedTuple):
    """A picture as the network sees it, what it lacks (both (12, H, W) float16, in steps), and log2 of the step."""

    inputs: Tensor
    lacks: Tensor
    rate: float


@torch.no_grad()
def coded(codec: WaveletMixing, picture: np.ndarray, quality: float) -> Coded:
    """(H, W, 3) uint8 coded at a quality."""
    step = codec.step_of(codec.level_of(quality))
    y = codec.analysis(torch.tensor(picture).permute(2, 0, 1)[None] / 255)[0]
    y_hat = codec.quantizer.dequantize(codec.choose(y, step), step)
    whole, found = (codec.restoration.planes(some / step) for some in (y, y_hat))
    return Coded(codec.restoration.inputs(found).half(), (whole - found).half(), float(torch.log2(step[0])))


def code_all(codec: WaveletMixing, folders: list[Path], recipe: RestorationRecipe) -> list[Coded]:
    """Step 1."""
    random, data, found = np.random.default_rng(recipe.seed), recipe.data, []
    for folder, highest in zip(folders, data.highest, strict=True):
        pictures = ImageCrops([folder], 2 * data.crop, 1).pictures
        for picture in pictures * data.passes:
            found.append(coded(codec, picture, float(random.uniform(data.lowest, highest))))
    return found


def batches(pictures: list[Coded], recipe: RestorationRecipe) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Endless: inputs, what they lack, rates."""
    random, crop = np.random.default_rng(recipe.seed), recipe.data.crop
    area = np.array([float(one.inputs[0].numel()) for one in pictures])
    while True:
        rows = []
        for number in random.choice(len(pictures), recipe.data.batch_size, p=area / area.sum()):
            inputs, lacks, rate = pictures[number]
            top, left = (int(random.integers(size - crop + 1)) for size in inputs.shape[-2:])
            where = ..., slice(top, top + crop), slice(left, left + crop)
            rows.append((inputs[where], lacks[where], torch.tensor(rate)))
        inputs, lacks, rates = (torch.stack(column).float() for column in zip(*rows, strict=True))
        yield inputs.contiguous(memory_format=torch.channels_last), lacks, rates


def train_network(network: WaveletRestoration, pictures: list[Coded], recipe: RestorationRecipe, log) -> nn.Module:
    """Step 2; the averaged network."""
    options, since = recipe.learn, time.perf_counter()
    optimizer = torch.optim.AdamW(network.parameters(), lr=options.lr, betas=(0.9, 0.98), weight_decay=1e-4)
    usual = _usual_error(pictures)
    average = deepcopy(network)
    left = 1.0
    for step, (inputs, lacks, rates) in zip(range(options.steps), batches(pictures, recipe), strict=False):
        optimizer.param_groups[0]["lr"] = _rate_at(step, options)
        with torch.autocast("cpu", torch.bfloat16):
            found = network(inputs, rates)
        weight = 1 / usual(rates)[:, None, None, None]
        loss, before = ((lacks - found).square() * weight).mean(), (lacks.square() * weight).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        decay = min(options.ema_decay, step / (step + 20))
        with torch.no_grad():
            torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - decay)
        left += max(0.01, 1 / (step + 1)) * (float(loss.detach() / before) - left)
        if (step + 1) % 250 == 0 or step + 1 == options.steps:
            log({"step": step + 1, "gain_db": round(-10 * math.log10(left), 3),
                 "seconds": round(time.perf_counter() - since, 1)})  # fmt: skip
    return average


def _rate_at(step: int, options: RestorationLearning) -> float:
    cosine = 0.5 + 0.5 * math.cos(math.pi * step / options.steps)
    return options.final_lr + (options.lr - options.final_lr) * cosine * min(1, (step + 1) / options.warmup_steps)


def _usual_error(pictures: list[Coded]):
    """The mean squared error, in steps, that a rate comes with: a parabola in its logarithm."""
    errors = np.array([float(one.lacks.float().square().mean()) for one in pictures]) + 1e-6
    fitted = torch.tensor(np.polyfit([one.rate for one in pictures], np.log(errors), min(2, len(errors) - 1)))
    powers = torch.arange(len(fitted) - 1, -1, -1)
    return lambda rates: (rates[:, None] ** powers @ fitted.float()).exp()


def train(recipe: RestorationRecipe, data: Path, run: Path) -> WaveletMixing:
    """Runs the recipe and writes the weights; returns the codec."""
    codec: WaveletMixing = start(recipe, run)
    missing = codec.load_state_dict(load_file(recipe.weights), strict=False)
    strange = [key for key in missing.missing_keys + missing.unexpected_keys if not key.startswith("restoration.")]
    if strange or codec.restoration is None:
        raise WeightsError(f"{recipe.weights} differs from the codec in {strange}; the codec needs a restoration")
    network = codec.restoration.to(memory_format=torch.channels_last)
    pictures = code_all(codec.eval(), [data / folder for folder in recipe.data.folders], recipe)
    codec.restoration = train_network(network, pictures, recipe, logger(run)).half().float()
    weights = {key: value.half() if key.startswith("restoration.") else value
               for key, value in codec.state_dict().items()}  # fmt: skip
    save_file({key: value.contiguous() for key, value in weights.items()}, run / "weights.safetensors")
    return codec
