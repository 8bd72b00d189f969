# SPDX-License-Identifier: Apache-2.0
"""Which rates a step is made at, and what distortion weighs at each."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from tinify.errors import ConfigError
from tinify.models.image.base import ImageCodec
from tinify.models.image.vbr import VariableRate
from tinify.training.image.recipe import Rate


@dataclass(frozen=True)
class Point:
    """A level of the codec (None: it has one rate), its Lagrangian, the weight of its loss, and whether this is the
    first stage of two."""

    level: float | None
    lmbda: float
    weight: float = 1.0
    first_stage: bool = False


class Rates:
    """The rates of a codec, as the recipe weighs them. Those of a step follow from the seed and its number alone."""

    def __init__(self, codec: ImageCodec, options: Rate, seed: int):
        if options.lambdas and len(options.lambdas) != codec.level_count:
            raise ConfigError(f"rate.lambdas: {len(options.lambdas)} of them; the codec has {codec.level_count} levels")
        if options.first_stage_steps and not isinstance(codec, VariableRate):
            raise ConfigError("rate.first_stage_steps: this codec has no two stages; the `-vbr` codecs have")
        self.last, self.options, self.seed = codec.level_count - 1, options, seed
        ends = [options.lmbda_low, options.lmbda_high]
        self._logarithms = [math.log(lmbda) for lmbda in options.lambdas or ends]

    def lmbda(self, level: float | None) -> float:
        """The Lagrangian of a level."""
        logs = self._logarithms
        share = 0.5 if level is None else level / self.last if self.last else 1.0
        place = min(max(share, 0.0), 1.0) * (len(logs) - 1)
        low = min(int(place), len(logs) - 2)
        return math.exp(logs[low] + (place - low) * (logs[low + 1] - logs[low]))

    def of_step(self, step: int) -> list[Point]:
        """`levels_per_step` rates, one at random in each of as many equal parts of the levels; one where all are the
        same."""
        if self.last < 0:
            return [Point(None, self.lmbda(None))]
        if step < self.options.first_stage_steps:
            return [Point(float(self.last), self.lmbda(self.last), first_stage=True)]
        draw, count = random.Random(self.seed * 1_000_003 + step), self.options.levels_per_step
        levels = [(part + draw.random()) / count * self.last for part in range(count)]
        return [Point(level, self.lmbda(level), self.lmbda(level) ** -self.options.balance) for level in levels]
