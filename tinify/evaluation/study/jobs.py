# SPDX-License-Identifier: Apache-2.0
"""Runs a study: each codec on each set in a process of one thread, every result kept so that a cut-off run goes on.

runs/<codec>/<set>-<training key>.safetensors      weights
runs/<codec>/<set>-<key>.<kind>.json               results: curve, downstream, speed, threads
"""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from tinify.data.series import read_series_sets
from tinify.evaluation.costs import costs
from tinify.evaluation.downstream import FORECAST_SETS
from tinify.evaluation.study import measures
from tinify.evaluation.study.config import Entry, Study
from tinify.evaluation.study.training import build, train
from tinify.models.base import Codec

MOTION_SET = "imu_broad"
_THREADS = 2
_ALONE = ("speed", "threads")  # kinds that nothing else of the study runs beside


@dataclass(frozen=True)
class Job:
    """One `kind` of result ("curve", "downstream", "speed", "threads") of a codec on a set."""

    study: Study
    entry: Entry
    set_name: str
    kind: str
    data: Path
    runs: Path

    @property
    def folder(self) -> Path:
        return self.runs / self.entry.name

    @property
    def result(self) -> Path:
        return self.folder / f"{self.set_name}-{self.study.key(self.entry)}.{self.kind}.json"

    @property
    def weights(self) -> Path:
        who = "all" if self.entry.one_for_all else self.set_name
        return self.folder / f"{who}-{self.study.training_key(self.entry)}.safetensors"

    def of(self, name: str) -> Job:
        """The curve of another codec on the same set."""
        return Job(self.study, self.study.entry(name), self.set_name, "curve", self.data, self.runs)

    def sets(self, split: str) -> Any:
        return read_series_sets(self.data / self.study.folder, split, [self.set_name])[0]


def phases(study: Study, data: Path, runs: Path, only: Iterable[str] = ()) -> list[list[Job]]:
    """The jobs in an order in which each finds what it needs; jobs of a phase do not depend on one another.

    Codecs with one set of weights for all sets are trained by the job of their first set, before the others'.
    """
    chosen = [entry for entry in study.codecs if not only or entry.name in set(only)]

    def jobs(entries: list[Entry], kind: str, sets=None) -> list[Job]:
        names = study.sets if sets is None else sets
        return [
            Job(study, entry, name, kind, data, runs)
            for entry in entries
            for name in study.sets_of(entry)
            if name in names
        ]

    alone = [entry for entry in chosen if not entry.networks_of]
    shared = [next(iter(jobs([entry], "curve"))) for entry in alone if entry.one_for_all]
    first = [job for group in _main_first(alone) for job in jobs(group, "curve") if job not in shared]
    main, ablations = _main_first([entry for entry in chosen if entry.networks_of])
    useful = jobs([entry for entry in chosen if entry.downstream], "downstream", (*FORECAST_SETS, MOTION_SET))
    second = [*jobs(main, "curve"), *useful, *jobs(ablations, "curve")]
    measured = [entry for entry in chosen if entry.group == "main"]
    return [shared, first, second, jobs(measured, "speed"), jobs(measured, "threads", [study.speed_set])]


def _main_first(entries: list[Entry]) -> tuple[list[Entry], list[Entry]]:
    return [e for e in entries if e.group == "main"], [e for e in entries if e.group != "main"]


def run(job: Job) -> dict[str, Any]:
    """The result, measured and kept, or as it was kept before."""
    if job.result.is_file():
        return json.loads(job.result.read_text("utf-8"))
    job.folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    codec, seconds = _codec(job)
    found = {"curve": _curve, "downstream": _downstream, "speed": _speed, "threads": _threads}[job.kind](job, codec)
    found = {**found, **({"train_seconds": seconds} if job.kind == "curve" else {})}
    part = job.result.with_suffix(".part")
    part.write_text(json.dumps(found), "utf-8")
    part.replace(job.result)
    return found


def _codec(job: Job) -> tuple[Codec, float]:
    """The trained codec, and the seconds of processor time that its training took."""
    log_file = job.weights.with_suffix(".jsonl")
    if job.entry.recipe == "none":
        return build(job.study, job.entry, job.data, job.set_name), 0.0
    if not job.weights.is_file():
        networks = job.of(job.entry.networks_of).weights if job.entry.networks_of else None
        log_file.unlink(missing_ok=True)

        def log(line: dict) -> None:
            with open(log_file, "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

        since = time.process_time()
        codec = train(job.study, job.entry, job.data, job.set_name, networks, log)
        log({"trained_seconds": time.process_time() - since})
        part = job.weights.with_suffix(".part")
        save_file({key: value.contiguous() for key, value in codec.state_dict().items()}, part)
        part.replace(job.weights)
    # Always from the file: what is measured is what was saved.
    codec = build(job.study, job.entry, job.data, job.set_name)
    codec.load_state_dict(load_file(job.weights))
    return codec.eval(), json.loads(log_file.read_text("utf-8").splitlines()[-1])["trained_seconds"]


def _curve(job: Job, codec: Codec) -> dict[str, Any]:
    test = job.sets("test")
    points = measures.curve(codec, test, job.entry.qualities)
    return {
        "points": points,
        "values": sum(piece.size for piece in test.pieces),
        **measures.sizes(codec),
        "costs": costs(codec),
        "proxies": measures.proxies(codec, test),
    }


def _downstream(job: Job, codec: Codec) -> dict[str, Any]:
    points = run(Job(job.study, job.entry, job.set_name, "curve", job.data, job.runs))["points"]
    qualities = sorted({measures.nearest(points, target) for target in job.study.targets})
    return {"answers": measures.usefulness(codec, job.sets("train"), job.sets("test"), qualities)}


def _speed(job: Job, codec: Codec) -> dict[str, Any]:
    """Speed on one thread by processor time."""
    points = run(Job(job.study, job.entry, job.set_name, "curve", job.data, job.runs))["points"]
    return measures.speed(codec, job.sets("test"), measures.nearest(points, 0.1))


def _threads(job: Job, codec: Codec) -> dict[str, Any]:
    """Speed on two threads by the clock on the wall."""
    points = run(Job(job.study, job.entry, job.set_name, "curve", job.data, job.runs))["points"]
    torch.set_num_threads(_THREADS)
    try:
        return measures.speed(codec, job.sets("test"), measures.nearest(points, 0.1), time.perf_counter)
    finally:
        torch.set_num_threads(1)


def run_all(study: Study, data: Path, runs: Path, *, workers: int = 2, only: Iterable[str] = ()) -> list[str]:
    """Runs what is not there yet, with a line for each; gives the failures, which do not stop the rest."""
    failures: list[str] = []
    todo = [[job for job in jobs if not job.result.is_file()] for jobs in phases(study, data, runs, only)]
    total, done, since = sum(map(len, todo)), 0, time.perf_counter()
    for jobs in todo:
        for job, error in _in_processes(jobs, 1 if jobs and jobs[0].kind in _ALONE else workers):
            done += 1
            if error is not None:
                failures.append(f"{job.entry.name} on {job.set_name} ({job.kind}): {error}")
            minutes = (time.perf_counter() - since) / 60
            state = "done" if error is None else f"FAILED: {error}"
            print(f"{done}/{total} {minutes:5.1f} min {job.kind} {job.entry.name} {job.set_name}: {state}", flush=True)
    return failures


def _in_processes(jobs: list[Job], workers: int):
    if workers <= 0:  # in this process
        for job in jobs:
            yield job, _tried(job)
        return
    os.environ["OMP_NUM_THREADS"] = str(_THREADS if jobs and jobs[0].kind == "threads" else 1)
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        waiting = {pool.submit(_tried, job): job for job in jobs}
        for future in as_completed(waiting):
            yield waiting[future], future.result()


def _tried(job: Job) -> str | None:
    try:
        run(job)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None
