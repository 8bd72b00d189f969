# SPDX-License-Identifier: Apache-2.0
"""The recipe of an image codec: all that decides what its weights become."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from tinify.data.crops import Cut
from tinify.errors import ConfigError


@dataclass(frozen=True)
class Data(Cut):
    """Where the pictures are: `folders`, or packs that `tinify pack-images` wrote, relative to the data folder; and how
    crops are cut. `batch_size` counts the crops of all processes. `device_resident`: the pictures lie on the device,
    and are cropped there."""

    folders: list[str] = field(default_factory=list)
    device_resident: bool = False


@dataclass(frozen=True)
class Rate:
    """Each step takes rates at random, `levels_per_step` of them, spread evenly, each for an equal share of the batch.

    The Lagrangian of a level is interpolated in the logarithm: between `lmbda_low` of the first and `lmbda_high` of the
    last level, or between `lambdas`, one for each level. A codec of one rate takes the middle. `first_stage_steps`, of
    the `-vbr` codecs: so many steps are made at the highest rate, without gains, before rates are drawn. The loss of a
    rate is divided by its Lagrangian to the power of `balance`: at 0 high rates, whose loss is large, decide most.
    """

    lmbda_low: float = 0.0018
    lmbda_high: float = 0.0932
    lambdas: list[float] = field(default_factory=list)
    levels_per_step: int = 1
    first_stage_steps: int = 0
    balance: float = 0.0


@dataclass(frozen=True)
class Optimizer:
    """Adam, with a linear warm-up to `lr`, and then "cosine": half a cosine down to `final_lr` at `steps`; "constant";
    or "steps": times `drop_factor` at each step in `drops`. The auxiliary one, of the quantiles, keeps `aux_lr`.

    Gradients are clipped to `clip_norm` (0: never). `ema_decay`: how slowly the averaged weights follow."""

    steps: int
    lr: float = 1e-3
    final_lr: float = 1e-6
    warmup_steps: int = 500
    schedule: Literal["cosine", "constant", "steps"] = "cosine"
    drops: list[int] = field(default_factory=list)
    drop_factor: float = 0.1
    aux_lr: float = 1e-2
    clip_norm: float = 1.0
    ema_decay: float = 0.999


@dataclass(frozen=True)
class Validation:
    """Every so many steps the pictures of `folders` (the first `pictures`, 0: all) are compressed to real files with
    the averaged weights at each of `qualities`; the best weights so far are kept. Without folders there is none."""

    folders: list[str] = field(default_factory=list)
    every: int = 1000
    pictures: int = 0
    qualities: list[float] = field(default_factory=lambda: [0.0, 50.0, 100.0])


@dataclass(frozen=True)
class ImageRecipe:
    """The whole of it. `codec` is a table for `tinify.build`: kind, name and arguments.

    `precision` "bf16": networks compute in bfloat16, losses and probabilities in float32. `compile`: networks go
    through torch.compile. `threads` of the CPU; 0 leaves the choice to torch. `deterministic`: algorithms of a GPU that
    give the same bits each time (those of a CPU do)."""

    codec: dict[str, Any]
    data: Data
    optimizer: Optimizer
    rate: Rate = field(default_factory=Rate)
    validation: Validation = field(default_factory=Validation)
    seed: int = 0
    threads: int = 0
    precision: Literal["fp32", "bf16"] = "fp32"
    compile: bool = False
    deterministic: bool = False

    def __post_init__(self) -> None:
        positive = {
            "data.crop": self.data.crop,
            "data.batch_size": self.data.batch_size,
            "optimizer.steps": self.optimizer.steps,
            "optimizer.lr": self.optimizer.lr,
            "rate.lmbda_low": self.rate.lmbda_low,
            "rate.lmbda_high": self.rate.lmbda_high,
            "rate.levels_per_step": self.rate.levels_per_step,
            "validation.every": self.validation.every,
        }
        for key, value in positive.items():
            if not value > 0:
                raise ConfigError(f"{key}: {value} is not positive")
        if not self.data.folders:
            raise ConfigError("data.folders: this key is missing, or empty")
        if not 0 < self.data.smallest_scale <= 1:
            raise ConfigError(f"data.smallest_scale: {self.data.smallest_scale} is not in (0, 1]")
        if self.data.batch_size % self.rate.levels_per_step:
            raise ConfigError(
                f"rate.levels_per_step: {self.rate.levels_per_step} rates cannot share "
                f"{self.data.batch_size} crops evenly"
            )
        if len(self.rate.lambdas) == 1 or any(not lmbda > 0 for lmbda in self.rate.lambdas):
            raise ConfigError(f"rate.lambdas: {self.rate.lambdas} are not two or more positive numbers")
        if any(not 0 <= quality <= 100 for quality in self.validation.qualities) or not self.validation.qualities:
            raise ConfigError(f"validation.qualities: {self.validation.qualities}; allowed: 0 to 100")
