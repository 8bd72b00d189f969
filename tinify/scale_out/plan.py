# SPDX-License-Identifier: Apache-2.0
"""What there is to do: inputs, outputs and manifest compared before any work, and the rest cut into batches.

input files ─┬─ done with these settings, output as it was    -> skipped
             ├─ output exists and is not ours                 -> refused
             └─ new, changed, failed, other settings          -> Job ──> batches
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from tinify.errors import ConfigError, InputError, OutputExistsError
from tinify.scale_out.manifest import Manifest
from tinify.scale_out.places import Found, LocalPlace, RemotePlace, is_url, open_place

EXTENSION = ".tnf"
MOST_FILES, MOST_BYTES = 32, 8 << 20
"""Of a batch: enough that what a batch costs is little, few enough that workers end together and memory is small."""
Place = LocalPlace | RemotePlace
_EXISTS = OutputExistsError.exit_code


@dataclass(frozen=True)
class Job:
    """One input: number of its place, relative name, as a person calls it, what it was when it was listed."""

    place: int
    name: str
    input: str
    size: int
    stamp: str
    overwrite: bool = False

    def row(self, status: str, **more: Any) -> dict[str, Any]:
        """A row of the manifest."""
        return {
            "name": self.name,
            "status": status,
            "input": self.input,
            "size": self.size,
            "stamp": self.stamp,
            **more,
        }

    def failed(self, message: str, exit_code: int = 1) -> dict[str, Any]:
        message = message if message.startswith(self.input) else f"{self.input}: {message}"
        return self.row("failed", error=message, exit_code=exit_code)


@dataclass
class Plan:
    """jobs: what to do. skipped: how many are done. refused: rows of inputs that cannot be. left_out: files of other
    kinds."""

    jobs: list[Job] = field(default_factory=list)
    skipped: int = 0
    refused: list[dict[str, Any]] = field(default_factory=list)
    left_out: int = 0


def inputs_of(texts: Iterable[str], output: Place, extensions: set[str]) -> tuple[list[Place], list[Job], int]:
    """(places, a job for each file, files of other kinds). A folder stands for the files below it that end in one of
    the extensions; the output folder is left out. InputError, ConfigError when two files have the same relative name.
    """
    places: dict[str, Place] = {}
    jobs: dict[str, Job] = {}
    left_out = 0
    for text in texts:
        place, found, others = _listed(text, output, extensions)
        left_out += others
        number = list(places).index(str(place)) if str(place) in places else len(places)
        places.setdefault(str(place), place)
        for file in found:
            job = Job(number, file.name, place.full_name(file.name), file.size, file.stamp)
            other = jobs.setdefault(job.name, job)
            if other.input != job.input:
                raise ConfigError(f"{other.input} and {job.input} have the same place below {output}")
    if not jobs:
        raise InputError(f"{', '.join(texts)}: nothing there ends in {', '.join(sorted(extensions))}")
    return list(places.values()), list(jobs.values()), left_out


def make_plan(
    jobs: list[Job], output: Place, manifest: Manifest, settings: str, names: OutputNames, force: bool
) -> Plan:
    """Compares the inputs with what the output holds and what the manifest says of it."""
    plan, there = Plan(), {found.name: found.size for found in output.files()} if output.is_folder() else {}
    for job in jobs:
        row = manifest.rows.get(job.name)
        same = row is not None and (row.get("size"), row.get("stamp")) == (job.size, job.stamp)
        if same and _is_done(row, settings, there):
            plan.skipped += 1
            continue
        ours = row is not None and (same or row.get("input") == job.input) and row.get("exit_code") != _EXISTS
        taken = [] if ours or force else [name for name in names.possible(job.name) if name in there]
        if job.size < 0:
            plan.refused.append(job.failed("the link leads nowhere", InputError.exit_code))
        elif taken:
            whose = f"was made from {row.get('input')}" if row else "is not of an earlier run"
            message = f"{output.full_name(taken[0])} exists already and {whose}; allow overwriting it (--force)"
            plan.refused.append(job.failed(message, _EXISTS))
        else:
            plan.jobs.append(Job(job.place, job.name, job.input, job.size, job.stamp, overwrite=ours or force))
    return plan


def _is_done(row: dict[str, Any], settings: str, there: dict[str, int]) -> bool:
    if row.get("status") != "done" or row.get("settings") != settings:
        return False
    return there.get(str(row.get("output")), -1) == row.get("bytes")


class OutputNames:
    """Which files an input may become: `photo.png.tnf` of photo.png; of photo.png.tnf photo.png, or where the content
    says otherwise photo.png.csv; with an `extension` always that."""

    def __init__(self, verb: str, extension: str | None, extensions: set[str]):
        self._compress, self._extension = verb == "compress", extension
        self._extensions = sorted(extensions) if extension is None else [extension]

    def of(self, name: str, extension: str) -> str:
        """The output of an input, with the extension that its content asks for."""
        if self._compress:
            return name + EXTENSION
        stem, extension = _without_tnf(name), self._extension or extension
        return stem if stem.lower().endswith(extension.lower()) else stem + extension

    def possible(self, name: str) -> list[str]:
        if self._compress:
            return [name + EXTENSION]
        return list(dict.fromkeys(self.of(name, extension) for extension in self._extensions))

    def check_distinct(self, jobs: list[Job]) -> None:
        """ConfigError where two inputs may become one file."""
        if self._compress:
            return  # the relative names differ
        stems = {_without_tnf(job.name): job for job in jobs}
        for job in stems.values():
            for possible in self.possible(job.name):
                other = stems.get(possible)
                if other is not None and other is not job:
                    raise ConfigError(f"{other.input} and {job.input} may both be restored to {possible}")


def batches_of(jobs: list[Job], jobs_at_a_time: int) -> list[list[Job]]:
    """Large files first and alone, then the others as they come, a few at a time."""
    most = max(1, min(MOST_FILES, len(jobs) // (4 * jobs_at_a_time)))
    large = sorted((job for job in jobs if job.size >= MOST_BYTES), key=lambda job: -job.size)
    batches, batch, size = [[job] for job in large], [], 0
    for job in jobs:
        if job.size >= MOST_BYTES:
            continue
        if batch and (len(batch) >= most or size + job.size > MOST_BYTES):
            batches.append(batch)
            batch, size = [], 0
        batch.append(job)
        size += job.size
    return [*batches, batch] if batch else batches


def _listed(text: str, output: Place, extensions: set[str]) -> tuple[Place, list[Found], int]:
    """(folder, files in it that end so, how many do not); a file that is named may end as it likes."""
    place = open_place(text)
    if place.is_folder():
        files = list(place.files(without=output))
        fitting = [file for file in files if PurePosixPath(file.name).suffix.lower() in extensions]
        return place, fitting, len(files) - len(fitting)
    folder, _, name = (text if is_url(text) else os.path.abspath(text).replace(os.sep, "/")).rpartition("/")
    place = open_place(folder or "/")
    return place, [place.find(name)], 0


def _without_tnf(name: str) -> str:
    return name[: -len(EXTENSION)] if name.lower().endswith(EXTENSION) else name
