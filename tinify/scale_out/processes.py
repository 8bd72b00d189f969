# SPDX-License-Identifier: Apache-2.0
"""Workers of this machine: fresh Python processes with one thread each, which load the codec once.

    batches ──> queue ──> thread ──pickles, stdin──> worker process ──stdout──> rows ──> queue ──> caller
                  ^          └── the worker has died: another one is started
                  └──────────────its batch again, file by file; a file at which it dies twice is listed

Started anew and not forked (threads, locks and CUDA do not survive that), without importing the caller's main module:
scripts need no guard, and notebooks work.
"""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tinify.errors import TinifyError
from tinify.scale_out.plan import Job, batches_of
from tinify.scale_out.stages import Spec

_DEATHS, _STARTS = 2, 3
_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
# Without the working folder, which `-c` would look into first: it may hold anybody's files.
_START = "import sys; sys.path[:] = filter(None, sys.path); from tinify.scale_out.worker import main; main()"


@dataclass(frozen=True)
class _Task:
    batch: list[Job]
    deaths: int = 0


def work(spec: Spec, todo: list[Job], workers: int | None = None) -> Iterator[list[dict[str, Any]]]:
    """Rows of the files as they are done, in any order, by as many workers as there are processors for this process,
    or as are asked for. Errors of `api.load`, TinifyError when workers cannot be started."""
    workers = workers or processors()
    batches = batches_of(todo, workers)
    pool = _Pool(spec.of_one_thread(), batches, min(workers, len(batches)))
    try:
        yield from pool.rows()
    finally:
        pool.close()


class _Pool:
    def __init__(self, spec: Spec, batches: list[list[Job]], workers: int):
        self._spec, self._left = spec, sum(map(len, batches))
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[list[dict[str, Any]] | BaseException] = queue.SimpleQueue()
        for batch in batches:
            self._tasks.put(_Task(batch))
        self._lock, self._closed, self._running = threading.Lock(), False, set()
        self._threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def rows(self) -> Iterator[list[dict[str, Any]]]:
        while self._left:
            found = self._results.get()
            if isinstance(found, BaseException):
                raise found
            self._left -= len(found)
            yield found

    def close(self) -> None:
        """Ends the workers, whatever they are at: their files are whole or not there."""
        with self._lock:
            self._closed = True
            running = list(self._running)
        for worker in running:
            worker.end()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        """One worker at a time, until there is nothing to do."""
        worker = None
        try:
            while (task := self._tasks.get()) is not None and not self._closed:
                worker = worker or self._start()
                rows = worker.do(task.batch)
                if rows is None:
                    self._drop(worker)
                    worker, rows = None, self._after_death(task)
                self._results.put(rows)
        except BaseException as error:
            self._results.put(error)
        finally:
            if worker is not None:
                self._drop(worker)

    def _after_death(self, task: _Task) -> list[dict[str, Any]]:
        """What was at work is done again, each file for itself; what of it is there is ours."""
        again = [Job(**{**vars(job), "overwrite": True}) for job in task.batch]
        if len(again) == 1 and task.deaths + 1 == _DEATHS:
            return [again[0].failed(f"a worker died {_DEATHS} times while it was at this file")]
        for job in again:
            self._tasks.put(_Task([job], task.deaths + (len(again) == 1)))
        return []

    def _start(self) -> _Worker:
        for _ in range(_STARTS):
            worker = _Worker()
            with self._lock:
                self._running.add(worker)
            if self._closed:
                worker.end()
            if worker.load(self._spec):
                return worker
            self._drop(worker)
        raise TinifyError(f"a worker process ended {_STARTS} times before it had loaded the codec; see above for why")

    def _drop(self, worker: _Worker) -> None:
        with self._lock:
            self._running.discard(worker)
        worker.end()


class _Worker:
    """A process of `tinify.scale_out.worker`."""

    def __init__(self) -> None:
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
        environment = os.environ | dict.fromkeys(_ONE_THREAD, "1") | {"PYTHONPATH": path}
        pipe = subprocess.PIPE
        # In a session of its own: Ctrl-C is for the caller, who ends the workers.
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START], stdin=pipe, stdout=pipe, env=environment, start_new_session=True
        )

    def load(self, spec: Spec) -> bool:
        """Whether the worker is ready. The error that kept it from loading the codec."""
        found = self._ask((os.getpid(), spec))
        if isinstance(found, BaseException):
            raise found
        return found is not None

    def do(self, batch: list[Job]) -> list[dict[str, Any]] | None:
        """The rows of the batch; None when the worker has died."""
        return self._ask(batch)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError, ValueError):
                pipe.close()

    def _ask(self, question: Any) -> Any:
        try:
            pickle.dump(question, self._process.stdin)
            self._process.stdin.flush()
            return pickle.load(self._process.stdout)
        except (OSError, EOFError, ValueError, pickle.UnpicklingError):
            return None


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
