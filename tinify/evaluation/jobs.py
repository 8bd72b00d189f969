# SPDX-License-Identifier: Apache-2.0
"""Codecs over items, one after the other or in several processes, with the same numbers.

(codec, item) ──> task ──> this process, or one of `jobs` fresh ones, each of which loads a codec once ──> Measured
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import get_context
from typing import Any

import numpy as np

from tinify.errors import InputError, TinifyError
from tinify.evaluation import memory, subjects
from tinify.evaluation.curves import Curve
from tinify.evaluation.items import Item
from tinify.evaluation.run import evaluate
from tinify.evaluation.setting import LOSSLESS, Setting

_TRIAL = {"image": ((160, 160, 3), np.uint8), "series": ((256, 1), np.float32)}


@dataclass(frozen=True)
class Task:
    """A codec on an item at its settings."""

    codec: str
    item: Item
    settings: tuple[Setting, ...]
    threads: int = 1
    estimate: bool = False


@dataclass(frozen=True)
class Measured:
    """What came of a task: a point for each setting, what the item was, and megabytes of the process before it."""

    curve: Curve
    about: dict[str, Any]
    resident_mb: float | None = None


def run(tasks: Sequence[Task], jobs: int = 1, progress: Callable[[Task], None] = lambda task: None) -> list[Measured]:
    """In the order of the tasks. The first error ends it, and no process is left; so does Ctrl-C."""
    found: dict[Task, Measured] = {}
    for task, measured in _serial(tasks) if min(jobs, len(tasks)) < 2 else _processes(tasks, jobs):
        found[task] = measured
        progress(task)
    return [found[task] for task in tasks]


def work(task: Task) -> Measured:
    """Errors name the codec and the item."""
    import torch

    torch.set_num_threads(task.threads)
    subject, held = _ready(task.codec)
    try:
        samples = task.item.read()
        (curve,) = evaluate(subject, {task.item.name: samples}, task.settings, estimate=task.estimate)
    except TinifyError as error:
        raise type(error)(f"{subject.name} on {task.item.name}: {error}") from error
    except ZeroDivisionError as error:
        raise InputError(f"{subject.name} on {task.item.name}: the signal is empty") from error
    return Measured(curve, task.item.about(samples), held)


@cache
def _ready(name: str) -> tuple[Any, float | None]:
    """The codec, once tried, so that what it builds on first use is not timed; and what the process then holds."""
    subject = subjects.load(name)
    shape, dtype = _TRIAL[subject.modality]
    trial = np.random.default_rng(0).integers(0, 255, shape).astype(dtype)
    subject.decode(subject.encode(trial, subject.settings[0] if subject.settings else LOSSLESS))
    memory.give_back()
    return subject, memory.resident()


def _serial(tasks: Sequence[Task]) -> Iterator[tuple[Task, Measured]]:
    for task in tasks:
        yield task, work(task)


def _processes(tasks: Sequence[Task], jobs: int) -> Iterator[tuple[Task, Measured]]:
    # Started anew: threads and locks do not survive a fork. Ctrl-C is for this process, which ends the others.
    pool = ProcessPoolExecutor(min(jobs, len(tasks)), mp_context=get_context("spawn"), initializer=_leave_interrupts)
    try:
        futures = {pool.submit(work, task): task for task in tasks}
        for future in as_completed(futures):
            yield futures[future], future.result()
        pool.shutdown()
    except BaseException as error:
        for process in list((pool._processes or {}).values()):
            process.kill()
        pool.shutdown(wait=True, cancel_futures=True)
        if isinstance(error, BrokenProcessPool):
            raise TinifyError("a process died while measuring; if memory ran out, take fewer with --jobs") from error
        raise


def _leave_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def without_times(curve: Curve) -> Curve:
    """The same with what differs from run to run left out."""
    unknown = dict.fromkeys(("encode_s", "decode_s", "encode_mb", "decode_mb"))
    return replace(curve, points=tuple(replace(point, **unknown) for point in curve.points))
