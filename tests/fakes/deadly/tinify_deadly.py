# SPDX-License-Identifier: Apache-2.0
"""A picture codec that kills, as kill -9 does, the process that it runs in: at pictures of certain heights."""

import os
import signal
import time
from pathlib import Path

from tinify_good_codecs import PictureCodec

from tinify.hookspecs import ModelCard, hookimpl
from tinify.registry import Component

DIES_ONCE, DIES, RAISES, SLEEPS = 13, 14, 15, 16
MARKS = "TINIFY_DEADLY_MARKS"


class DeadlyCodec(PictureCodec):
    """Leaves a file in the folder MARKS for each thing that it does, named after it and the process."""

    def pack(self, signal_, *, quality=None):
        print("what a codec prints gets nowhere near the rows")
        height, marks = signal_.samples.shape[0], Path(os.environ[MARKS])
        if height == DIES or (height == DIES_ONCE and not list(marks.glob("once-*"))):
            (marks / f"once-{os.getpid()}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if height == RAISES:
            raise RuntimeError("a codec's own mistake")
        if height == SLEEPS:
            (marks / f"asleep-{os.getpid()}").touch()
            time.sleep(float(os.environ.get("TINIFY_DEADLY_SLEEP", 60)))
        return super().pack(signal_, quality=quality)


@hookimpl
def tinify_components():
    yield Component("codec", "deadly-picture", "tinify_deadly:DeadlyCodec", "kills", "nobody 2026")


@hookimpl
def tinify_models():
    yield ModelCard("deadly-picture", Path(__file__).parent / "zoo" / "deadly-picture", "kills")
