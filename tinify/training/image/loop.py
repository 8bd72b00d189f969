# SPDX-License-Identifier: Apache-2.0
"""A run from its first step, or a checkpoint, to its last, or Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from tinify.data.crops import Crops, Prefetch, Shard
from tinify.data.picture_store import read_pictures
from tinify.errors import ConfigError, TinifyError
from tinify.training.image import checkpoint
from tinify.training.image.log import Log, Silence, Sums
from tinify.training.image.memory import keep_freed_memory
from tinify.training.image.processes import Processes, processes
from tinify.training.image.recipe import ImageRecipe
from tinify.training.image.stop import Stop
from tinify.training.image.trainer import Trainer
from tinify.training.image.validation import Validator, ready


@dataclass(frozen=True)
class RunOptions:
    """What decides nothing about the weights: the run's folder, whether to go on with what is there, how often to
    write, and where to compute ("cpu", "cuda"; None: the best there is)."""

    folder: Path
    resume: bool = False
    overwrite: bool = False
    log_every: int = 100
    checkpoint_every: int = 1000
    device: str | None = None
    tensorboard: bool = False


def train(recipe: ImageRecipe, data: Path, options: RunOptions, text: str | None = None) -> Trainer:
    """Runs the recipe. The folder gets `log.jsonl`, `checkpoint.pt`, the `text` of the recipe, `best.safetensors`.

    data: what the recipe's folders are relative to. Ctrl-C saves and ends after a step: see the `step` of what is
    returned.
    """
    among = processes(options.device, unused=recipe.rate.first_stage_steps > 0)
    try:
        return _Run(recipe, Path(data), options, among, text).run()
    finally:
        among.close()


class _Run:
    """One call of `train`."""

    def __init__(self, recipe: ImageRecipe, data: Path, options: RunOptions, among: Processes, text: str | None):
        _set_up(recipe, among)
        self.recipe, self.options, self.among = recipe, options, among
        state = among.first(lambda: checkpoint.prepare(options.folder, recipe, options.resume, options.overwrite, text))
        self.trainer = Trainer(recipe, among)
        self.sums, self.best, self.clock = Sums(), None, Clock()
        if state:
            self.trainer.load_state_dict(state)
            self.sums, self.best, self.clock = Sums(state["sums"]), state["best"], Clock(state["seconds"])
        self.crops = _crops(recipe, data, among)
        self.validator = None
        if recipe.validation.folders:
            self.validator = Validator(recipe.validation, data, self.trainer.rates, among)

    def run(self) -> Trainer:
        trainer, steps = self.trainer, self.recipe.optimizer.steps
        with ExitStack() as stack:
            self.log = stack.enter_context(self._log(trainer.step, steps))
            stop = stack.enter_context(Stop(self.among))
            batches = stack.enter_context(Prefetch(self.crops.batch, trainer.step))
            stopped = False
            self.clock.start(trainer.step)
            while trainer.step < steps and not stopped:
                self.sums.add(trainer.train_step(next(batches)))
                self._after(trainer.step)
                stopped = stop.after(trainer.step)
            if trainer.step % self.options.checkpoint_every:
                self._save()
            if stopped:
                self.log.say(f"stopped after step {trainer.step} of {steps}; --resume goes on from there")
        return trainer

    def _log(self, step: int, steps: int) -> Log | Silence:
        if self.among.rank:
            return Silence()
        return Log(self.options.folder, steps, step, self.options.tensorboard)

    def _after(self, step: int) -> None:
        self.log.at(step)
        if step % self.options.log_every == 0:
            means = {key: round(value, 6) for key, value in self.sums.means(self.among).items()}
            self.log.line({"step": step, **means, **self.clock.lap(step)})
        if self.validator and (step % self.recipe.validation.every == 0 or step == self.recipe.optimizer.steps):
            with self.clock.paused():
                self._validate(step)
        if step % self.options.checkpoint_every == 0:
            self._save()

    def _validate(self, step: int) -> None:
        try:
            codec = ready(self.trainer.average)
            found = self.validator.measure(codec)
        except TinifyError as error:
            self.log.line({"step": step, "validation_failed": str(error)})
            return
        found["best"] = self.best is None or found["cost"] < self.best
        if found["best"]:
            self.best = found["cost"]
        if found["best"] and self.among.rank == 0:
            checkpoint.save_weights(codec, self.options.folder / checkpoint.BEST)
        self.log.line({"step": step, "seconds": self.clock.rounded(), "validation": found})

    def _save(self) -> None:
        sums = self.sums.state_dict(self.among)
        if self.among.rank == 0:
            rest = {"sums": sums, "best": self.best, "seconds": self.clock.seconds()}
            checkpoint.save(self.options.folder, self.recipe, {**self.trainer.state_dict(), **rest})


def _set_up(recipe: ImageRecipe, among: Processes) -> None:
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    if among.device.type == "cpu":
        keep_freed_memory()
    if recipe.deterministic:
        torch.use_deterministic_algorithms(True)
    shares = recipe.rate.levels_per_step * among.count
    if recipe.data.batch_size % shares:
        raise ConfigError(
            f"data.batch_size: {recipe.data.batch_size} crops cannot be shared evenly by {among.count} processes with "
            f"{recipe.rate.levels_per_step} rates each"
        )


def _crops(recipe: ImageRecipe, data: Path, among: Processes) -> Crops:
    options = recipe.data
    pictures = read_pictures([data / folder for folder in options.folders], options.crop)
    device = str(among.device) if options.device_resident else None
    return Crops(pictures, options, recipe.seed, Shard(among.rank, among.count), device)


class Clock:
    """Seconds of training, without pauses and over all calls of a run, and steps in them."""

    def __init__(self, seconds: float = 0.0):
        self._passed, self._since = seconds, None
        self._lap = (0, seconds)

    def start(self, step: int) -> None:
        self._since = time.perf_counter()
        self._lap = (step, self.seconds())

    def seconds(self) -> float:
        return self._passed + (time.perf_counter() - self._since if self._since is not None else 0.0)

    def rounded(self) -> float:
        return round(self.seconds(), 1)

    def lap(self, step: int) -> dict[str, float]:
        """Seconds so far, and steps a second since the last lap."""
        (before, since), self._lap = self._lap, (step, self.seconds())
        speed = (step - before) / max(self._lap[1] - since, 1e-9)
        return {"seconds": self.rounded(), "steps_per_s": round(speed, 2)}

    @contextmanager
    def paused(self) -> Iterator[None]:
        self._passed, self._since = self.seconds(), None
        try:
            yield
        finally:
            self._since = time.perf_counter()
