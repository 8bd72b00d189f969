# SPDX-License-Identifier: Apache-2.0
"""Trains an image codec from a recipe, to be read from top to bottom.

    python -m tinify.training.image zoo/photo-hyperprior/train.toml --data DIR --run runs/photo [--resume]

Each step takes one batch and one rate: level l uniform in [0, levels - 1], lambda on the logarithmic line between the
recipe's two. The run folder gets `log.jsonl` and `checkpoint.pt` (weights, averaged weights, optimizers, step).
"""

from __future__ import annotations

import argparse
import copy
import math
import os
import random
import time
from pathlib import Path

import torch
from torch import nn

from tinify import registry
from tinify.data.images import ImageCrops
from tinify.losses import RateDistortionLoss
from tinify.models.image.base import ImageCodec
from tinify.training.recipe import Optimizer, Recipe, read_recipe
from tinify.training.run import logger


def learning_rate(step: int, options: Optimizer) -> float:
    """Linear warm-up to `lr`, then half a cosine down to `final_lr` at `steps`."""
    if step < options.warmup_steps:
        return options.lr * (step + 1) / options.warmup_steps
    progress = (step - options.warmup_steps) / max(1, options.steps - options.warmup_steps)
    return options.final_lr + (options.lr - options.final_lr) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


class Trainer:
    """A codec, its averaged copy, two optimizers and the step they have reached."""

    def __init__(self, recipe: Recipe):
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        config = dict(recipe.codec)
        self.codec: ImageCodec = registry.build(config.pop("kind", "codec"), config.pop("name"), **config)
        self.codec.to(memory_format=torch.channels_last).train()
        self.average = copy.deepcopy(self.codec).eval()
        quantiles = {id(p) for n, p in self.codec.named_parameters() if n.endswith(".quantiles")}
        network = [p for p in self.codec.parameters() if id(p) not in quantiles]
        auxiliary = [p for p in self.codec.parameters() if id(p) in quantiles]
        self.optimizer = torch.optim.Adam(network, lr=recipe.optimizer.lr)
        self.aux_optimizer = torch.optim.Adam(auxiliary, lr=recipe.optimizer.aux_lr)
        self.step = 0

    def train_step(self, crops: torch.Tensor) -> dict[str, float]:
        """One update from a uint8 batch (B, 3, H, W); returns the losses."""
        options = self.recipe.optimizer
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.step, options)
        x = crops.float().div_(255).contiguous(memory_format=torch.channels_last)
        level, lmbda = self._rate(random.Random(self.recipe.seed * 1_000_003 + self.step))
        losses = RateDistortionLoss(lmbda)(self.codec(x, level), x)
        self.optimizer.zero_grad(set_to_none=True)
        losses["loss"].backward()
        norm = nn.utils.clip_grad_norm_(self.optimizer.param_groups[0]["params"], options.clip_norm)
        if torch.isfinite(norm):
            self.optimizer.step()
        aux = self.codec.aux_loss()
        self.aux_optimizer.zero_grad(set_to_none=True)
        aux.backward()
        self.aux_optimizer.step()
        self._follow(min(options.ema_decay, (1 + self.step) / (10 + self.step)))
        self.step += 1
        return {"level": level, "aux": aux.item(), **{key: value.item() for key, value in losses.items()}}

    def _rate(self, draw: random.Random) -> tuple[float | None, float]:
        low, high = math.log(self.recipe.rate.lmbda_low), math.log(self.recipe.rate.lmbda_high)
        if not self.codec.has_levels:
            return None, math.exp((low + high) / 2)
        position = draw.random()
        return position * (self.codec.level_count - 1), math.exp(low + position * (high - low))

    @torch.no_grad()
    def _follow(self, decay: float) -> None:
        mine = [p for p in self.codec.parameters()]
        torch._foreach_lerp_(list(self.average.parameters()), mine, 1 - decay)

    def save(self, folder: Path) -> None:
        state = {name: getattr(self, name).state_dict() for name in ("codec", "average", "optimizer", "aux_optimizer")}
        torch.save({**state, "step": self.step}, folder / "checkpoint.tmp")
        os.replace(folder / "checkpoint.tmp", folder / "checkpoint.pt")

    def resume(self, folder: Path) -> None:
        state = torch.load(folder / "checkpoint.pt", weights_only=True)
        for name in ("codec", "average", "optimizer", "aux_optimizer"):
            getattr(self, name).load_state_dict(state[name])
        self.step = state["step"]


def train(recipe: Recipe, data: Path, run: Path, resume: bool = False, log_every: int = 100) -> Trainer:
    """Runs the recipe to its last step; Ctrl-C saves a checkpoint and stops."""
    run.mkdir(parents=True, exist_ok=True)
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    trainer = Trainer(recipe)
    if resume:
        trainer.resume(run)
    folders = [data / folder for folder in recipe.data.folders]
    crops = iter(ImageCrops(folders, recipe.data.crop, recipe.data.batch_size, recipe.seed, skip=trainer.step))
    log, sums, since, start = logger(run), {}, time.perf_counter(), trainer.step
    try:
        while trainer.step < recipe.optimizer.steps:
            torch.manual_seed(recipe.seed + trainer.step)  # the noise of a step does not depend on where a run resumed
            for key, value in trainer.train_step(next(crops)).items():
                sums[key] = sums.get(key, 0.0) + (value or 0.0)
            if trainer.step % log_every == 0:
                seconds = time.perf_counter() - since
                means = {key: round(value / (trainer.step - start), 5) for key, value in sums.items()}
                line = {"step": trainer.step, "steps_per_s": round((trainer.step - start) / seconds, 2), **means}
                log(line)
                sums, since, start = {}, time.perf_counter(), trainer.step
            if trainer.step % (10 * log_every) == 0:
                trainer.save(run)
    finally:
        trainer.save(run)
    return trainer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path, help="a TOML recipe; see zoo/*/train.toml")
    parser.add_argument("--data", type=Path, required=True, help="folder that the recipe's data folders lie in")
    parser.add_argument("--run", type=Path, required=True, help="folder for the log and the checkpoint")
    parser.add_argument("--resume", action="store_true", help="go on from the run folder's checkpoint")
    options = parser.parse_args()
    train(read_recipe(options.recipe), options.data, options.run, options.resume)


if __name__ == "__main__":
    main()
