# SPDX-License-Identifier: Apache-2.0
"""Ray Data: a cluster, or the processors of this machine when there is none.

    batches ──> read (tasks, CPU) ──> model, write (actors that keep the codec; GPU) ──> rows
                                        └── a worker or node that dies: Ray does its batches again elsewhere

Actors write, too: what is done is then on disk at once, and not behind all that is still to be read. Between the stages
go pickles, so that nothing depends on how Ray stores arrays. A batch of which workers die is done again file by file,
and a file of which they die is listed. Every node must see the folders under the same paths, or as URLs.
"""

from __future__ import annotations

import logging
import os
import pickle
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

from tinify.errors import MissingExtraError
from tinify.scale_out.plan import Job, batches_of
from tinify.scale_out.processes import processors
from tinify.scale_out.stages import Spec, Stages

_TRIES = 2
_CONTEXT = {"enable_progress_bars": False, "max_errored_blocks": -1}
_MODEL_CPUS, _READ_CPUS = 0.75, 0.25  # together one: with an actor on every processor, what feeds it still runs


def work(spec: Spec, todo: list[Job], workers: int | None = None, gpus: float = 0.0) -> Iterator[list[dict[str, Any]]]:
    """Rows of the files as they are done, in any order; `workers` actors with so many `gpus` each, by default as many
    as the cluster has room for. MissingExtraError, errors of `api.load`."""
    ray = _imported()
    spec.stages().load()  # what is wrong with the codec is said here, and once
    # A worker may die between an output and its row: what is there when Ray tries again is ours.
    left = {job.name: replace(job, overwrite=True) for job in todo}
    with _connected(ray, workers), _quiet(ray.data.DataContext.get_current()):
        size = workers or _room(ray.cluster_resources(), gpus)
        attempts = ray.remote(num_cpus=0)(_Attempts).remote()
        tools = _Tools(pickle.dumps(spec.of_one_thread()), attempts)
        for together in (True, False):
            batches = batches_of(list(left.values()), size) if together else [[job] for job in left.values()]
            for row in _pipeline(ray.data, tools, batches, size, gpus).iter_rows():
                rows = [done for done in pickle.loads(row["batch"]) if left.pop(done["name"], None)]
                if rows:
                    yield rows
            if not left:
                return
    yield [job.failed(f"{_TRIES} workers died while they were at this file") for job in left.values()]


@dataclass(frozen=True)
class _Tools:
    """What every stage has: the pickled spec, and the handle of `_Attempts`."""

    spec: bytes
    attempts: Any

    def may_begin(self, key: str) -> bool:
        """False for a batch that one worker after the other died of, which Ray would try for ever."""
        import ray

        try:
            return ray.get(self.attempts.begin.remote(key)) <= _TRIES
        except ray.exceptions.RayError:  # whoever counts is gone: its node was lost
            return True


class _Attempts:
    """In an actor: how often a stage has begun with a batch."""

    def __init__(self) -> None:
        self._begun: Counter[str] = Counter()

    def begin(self, key: str) -> int:
        self._begun[key] += 1
        return self._begun[key]


def _pipeline(data: Any, tools: _Tools, batches: list[list[Job]], size: int, gpus: float) -> Any:
    """Rows {"batch": pickle of rows of the manifest}, one for each batch that is not given up."""
    items = [{"key": f"{len(batches)}-{n}", "batch": pickle.dumps(batch)} for n, batch in enumerate(batches)]
    found = data.from_items(items, override_num_blocks=len(items))
    found = found.map(partial(_read, tools=tools), num_cpus=_READ_CPUS)
    actors = data.ActorPoolStrategy(size=min(size, len(items)))
    return found.map(_Model, fn_constructor_args=[tools], compute=actors, num_cpus=_MODEL_CPUS, num_gpus=gpus or None)


def _staged(row: dict[str, Any], tools: _Tools, name: str, stage: Callable[[list], list]) -> dict[str, Any]:
    """The row with what the stage makes of its batch."""
    batch = pickle.loads(row["batch"])
    if batch and not tools.may_begin(f"{row['key']}-{name}"):
        batch = []
    return {"key": row["key"], "batch": pickle.dumps(stage(batch))}


def _read(row: dict[str, Any], tools: _Tools) -> dict[str, Any]:
    """Jobs -> (job, what its file holds)"""
    stages = _stages(tools.spec)
    return _staged(row, tools, "read", lambda jobs: stages.each(lambda job: (job, stages.read(job)), jobs))


class _Model:
    """In an actor: (job, what its file holds) -> rows, when the outputs are written"""

    def __init__(self, tools: _Tools):
        self._tools, self._stages = tools, _stages(tools.spec)
        self._stages.load()

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        return _staged(row, self._tools, "model", self._rows)

    def _rows(self, pairs: list) -> list:
        made = [(job, self._stages.model(job, value)) for job, value in pairs]
        return self._stages.each(lambda pair: self._stages.write(*pair), made)


@lru_cache(maxsize=4)
def _stages(spec: bytes) -> Stages:
    return pickle.loads(spec).stages()


def _imported() -> Any:
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtraError('engine "ray" needs Ray: pip install "tinify-codec[ray]"') from error
    return ray


@contextmanager
def _connected(ray: Any, workers: int | None) -> Iterator[None]:
    """To the cluster that this process is part of, or that RAY_ADDRESS names, or that runs here; or to one that is
    started, with so many processors, and ended."""
    if ray.is_initialized():
        yield
        return
    quiet = {"log_to_driver": False, "logging_level": "warning"}
    try:
        ray.init(address=os.environ.get("RAY_ADDRESS", "auto"), **quiet)
    except ConnectionError:
        if "RAY_ADDRESS" in os.environ:
            raise
        ray.init(address="local", num_cpus=workers or processors(), include_dashboard=False, **quiet)
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _quiet(context: Any) -> Iterator[None]:
    """Without Ray's own progress, and with batches that fail left out and not the end of all."""
    before, logger = {name: getattr(context, name) for name in _CONTEXT}, logging.getLogger("ray.data")
    level = logger.level
    try:
        for name, value in _CONTEXT.items():
            setattr(context, name, value)
        logger.setLevel(logging.ERROR)
        yield
    finally:
        logger.setLevel(level)
        for name, value in before.items():
            setattr(context, name, value)


def _room(resources: dict[str, float], gpus: float) -> int:
    return max(1, int(resources.get("GPU", 0) / gpus if gpus else resources.get("CPU", 1)))
