# SPDX-License-Identifier: Apache-2.0
"""Pieces of a signal on a few threads, given back in their order, and counted as they come."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

THREADS = 2
Progress = Callable[[int, int], object]
Item, Result = TypeVar("Item"), TypeVar("Result")


def in_order(work: Callable[[Item], Result], items: Iterable[Item], threads: int = THREADS) -> Iterator[Result]:
    """`map` over threads: the results come in the order of the items, and few items and results exist at a time."""
    if threads <= 1:
        yield from map(work, items)
        return
    pool = ThreadPoolExecutor(threads)
    waiting = deque()
    try:
        for item in items:
            # The context, for one, says which entropy coder is in use.
            waiting.append(pool.submit(copy_context().run, work, item))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def counted(results: Iterable[Result], total: int, progress: Progress | None) -> Iterator[Result]:
    """The results, each reported to `progress(done, total)` once it is taken up."""
    for number, result in enumerate(results, 1):
        yield result
        if progress is not None:
            progress(number, total)
