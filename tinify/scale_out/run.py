# SPDX-License-Identifier: Apache-2.0
"""From folders to a folder: plan, engine, manifest, and what came of it."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from tinify import __version__, media
from tinify.errors import ConfigError
from tinify.scale_out.manifest import Manifest
from tinify.scale_out.places import open_place
from tinify.scale_out.plan import EXTENSION, Job, OutputNames, inputs_of, make_plan
from tinify.scale_out.settings import Settings
from tinify.scale_out.stages import Spec

ENGINES = {"serial": "serial", "processes": "processes", "ray": "ray_data"}


@dataclass
class Summary:
    """What came of a run: files done now and skipped as done before, rows of those that failed, files of other kinds
    that were left out, bytes of the files done now."""

    output: str
    done: int = 0
    skipped: int = 0
    left_out: int = 0
    input_bytes: int = 0
    output_bytes: int = 0
    seconds: float = 0.0
    failed: list[dict[str, Any]] = field(default_factory=list)

    def take(self, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            if row["status"] == "done":
                self.done += 1
                self.input_bytes += row["size"]
                self.output_bytes += row["bytes"]
            else:
                self.failed.append(row)


def run(
    inputs: str | os.PathLike | Iterable[str | os.PathLike],
    output: str | os.PathLike,
    settings: Settings | None = None,
    *,
    engine: str = "serial",
    jobs: int | None = None,
    gpus: float = 0.0,
    force: bool = False,
    progress: Callable[[Summary, int], object] | None = None,
) -> Summary:
    """Compresses (or restores, as the settings say) every file of the inputs into the output folder.

    inputs, output: folders, or files as inputs, of this machine or as URLs that fsspec knows. `a/b.png` below an input
        becomes `a/b.png.tnf` below the output.
    engine: "serial", "processes" (of this machine) or "ray" (Ray Data: of a cluster). jobs: workers, by default as many
        as there are processors. gpus: of each worker of "ray", perhaps a part of one, for a codec that uses them;
        core's compute on processors.
    force: replace files that no earlier run made. progress: called as `progress(summary, total)` after each few files.

    What a manifest in the output says is done with the same settings, of a file of the same size and time, is skipped.
    A file that fails is in `Summary.failed` and does not stop the others. Interrupted or killed, everything is whole;
    the same call goes on. ConfigError, InputError, MissingExtraError, errors of `api.load`.
    """
    start, settings, place = time.perf_counter(), (settings or Settings()).checked(), open_place(os.fspath(output))
    if engine not in ENGINES:
        raise ConfigError(f"engine is {engine!r}; allowed: {', '.join(ENGINES)}")
    if gpus and engine != "ray":
        raise ConfigError(f'gpus is {gpus}; engine "ray" alone gives them out')
    texts = [os.fspath(text) for text in ([inputs] if isinstance(inputs, str | os.PathLike) else inputs)]
    extensions, described = _media_extensions(), settings.described()
    names = OutputNames(settings.verb, settings.extension, extensions)
    places, found, left_out = inputs_of(texts, place, extensions if settings.verb == "compress" else {EXTENSION})
    names.check_distinct(found)
    if engine != "serial" and any(used.one_process for used in (*places, place)):
        raise ConfigError('memory:// is seen by this process alone; engine "serial" works there')
    spec = Spec(tuple(places), place, settings, Settings.name_of(described), names)
    summary = Summary(str(place), left_out=left_out)
    with place.locked():
        manifest = Manifest(place)
        manifest.read()
        plan = make_plan(found, place, manifest, spec.settings_name, names, force)
        summary.skipped, summary.failed = plan.skipped, list(plan.refused)
        if plan.jobs:
            manifest.add([{"settings": spec.settings_name, "how": described, "version": __version__}])
            given = {"gpus": gpus} if gpus else {}
            for rows in _rows(spec, plan.jobs, manifest, engine, jobs, **given):
                summary.take(rows)
                if progress is not None:
                    progress(summary, len(found))
    summary.seconds = time.perf_counter() - start
    return summary


def _rows(
    spec: Spec, todo: list[Job], manifest: Manifest, engine: str, workers: int | None, **given: float
) -> Iterator[list[dict[str, Any]]]:
    """The rows of what the engine does, after they are in the manifest; what is not whole is gone at the end."""
    work = importlib.import_module(f"tinify.scale_out.{ENGINES[engine]}").work
    spec.output.prepare()
    try:
        manifest.add([job.row("planned") for job in todo], flush=True)
        with closing(work(spec, todo, workers, **given)) as found:
            for rows in found:
                manifest.add(rows)
                yield rows
    finally:
        manifest.close()
        spec.output.clear()


def _media_extensions() -> set[str]:
    return {extension for media_format in media.formats() for extension in media_format.extensions}
