# SPDX-License-Identifier: Apache-2.0
"""How long a training goes on, in steps and in minutes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator


class Schedule:
    """How much of a training is over: the larger share of its steps and of its minutes (0: steps alone), which are of
    processor time: other work on a machine takes nothing from a training."""

    def __init__(self, steps: int, minutes: float = 0.0, clock: Callable[[], float] = time.process_time):
        self.steps, self.seconds, self.step = steps, 60 * minutes, 0
        self._clock, self._start = clock, clock()

    def passed(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._start

    def share(self) -> float:
        """In [0, 1], of the training so far."""
        by_time = self.passed() / self.seconds if self.seconds else 0.0
        return min(1.0, max(self.step / self.steps, by_time))

    def __iter__(self) -> Iterator[tuple[int, float]]:
        """`(step, share)` of each step, counted from 1; ends with the steps or the minutes."""
        while self.step < self.steps and (not self.seconds or self.passed() < self.seconds):
            self.step += 1
            yield self.step, self.share()


def cosine(share: float) -> float:
    """From 1 to 0 as a training goes on."""
    return 0.5 * (1 + math.cos(math.pi * share))
