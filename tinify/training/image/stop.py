# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C, and what a cluster sends before it takes a machine away."""

from __future__ import annotations

import signal
import threading
import time

from tinify.training.image.processes import Processes

_AGREE_EVERY = 10  # steps, between several processes
_ONE_PRESS = 2.0  # seconds: a launcher passes on what its processes had from the terminal already


class Stop:
    """While in `with`, the first SIGINT or SIGTERM asks for an end after a step; another SIGINT, later, interrupts at
    once."""

    def __init__(self, among: Processes):
        self.among, self.asked, self._since = among, False, 0.0
        self._before: dict[int, object] = {}

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():  # elsewhere there are no signals
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *exception) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: object) -> None:
        if self.asked and number == signal.SIGINT and time.monotonic() - self._since > _ONE_PRESS:
            raise KeyboardInterrupt
        if not self.asked:
            self.asked, self._since = True, time.monotonic()

    def after(self, step: int) -> bool:
        """Whether to end after this step; the same in all processes, which ask one another now and then only."""
        if self.among.count == 1:
            return self.asked
        return step % _AGREE_EVERY == 0 and self.among.any(self.asked)
