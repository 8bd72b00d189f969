# SPDX-License-Identifier: Apache-2.0
"""Many files by an engine: options, progress and report, the same for `tinify compress` and `tinify decompress`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tinify.scale_out import Summary

NAMES = ("serial", "processes", "ray")
_EVERY = 10.0  # seconds between the lines where there is no terminal

engine_option = click.option(
    "--engine",
    type=click.Choice(NAMES),
    help="Work through whole folders into OUT and skip what is done: one file after the other, by processes of this "
    "machine, or by a Ray cluster.",
)
jobs_option = click.option(
    "--jobs", "-j", type=click.IntRange(1), help="Workers of --engine. Default: one for each processor."
)
gpus_option = click.option(
    "--gpus",
    type=click.FloatRange(0),
    default=0.0,
    help="GPUs of each worker of --engine ray, perhaps a part of one, for codecs of plugins; core's do without.",
)


def chosen_engine(engine: str | None, jobs: int | None, paths: tuple[str, ...], output: str | None) -> str | None:
    """The engine that is named, or that --jobs or a URL asks for; None for a plain list of files."""
    if engine is not None:
        return engine
    if jobs is not None:
        return "processes"
    return "serial" if any("://" in text for text in (*paths, output or "")) else None


def run_engine(
    verb: str, paths: tuple[str, ...], output: str | None, engine: str, jobs: int | None, as_json: bool, force: bool,
    how: dict[str, Any], gpus: float = 0.0,
) -> int:  # fmt: skip
    """Does what `tinify.scale_out.run` does, shows how far it is, and gives the exit code: 1 when a file failed."""
    from tinify.scale_out import Settings, run

    *inputs, output = paths if output is None else (*paths, output)
    if not inputs or "-" in (*inputs, output):
        raise click.UsageError(f"--engine takes folders: tinify {verb} IN... OUT --engine {engine}")
    settings = Settings(verb=verb, **how)
    with _progress(verb) as progress:
        summary = run(inputs, output, settings, engine=engine, jobs=jobs, gpus=gpus, force=force, progress=progress)
    if as_json:
        click.echo(json.dumps(asdict(summary), indent=2))
        return 1 if summary.failed else 0
    click.echo(_line(verb, summary))
    for row in summary.failed:
        click.echo(f"error: {row['error']}", err=True)
    if summary.failed:
        click.echo(
            f"{len(summary.failed)} of {_total(summary)} files failed; the same command tries them again", err=True
        )
    return 1 if summary.failed else 0


def _line(verb: str, summary: Summary) -> str:
    size = f", {summary.input_bytes:,} -> {summary.output_bytes:,} bytes" if summary.done else ""
    notes = [f"{summary.skipped:,} were done before"] if summary.skipped else []
    notes += [f"{summary.left_out:,} of other kinds left out"] if summary.left_out else []
    more = f" ({', '.join(notes)})" if notes else ""
    return f"{verb}ed {summary.done:,} files to {summary.output}{size}, {summary.seconds:.1f} s{more}"


def _total(summary: Summary) -> int:
    return summary.done + summary.skipped + len(summary.failed)


@contextmanager
def _progress(verb: str) -> Iterator[Callable[[Summary, int], None]]:
    """A bar on stderr where that is a terminal, else a line every now and then; both count failures."""
    if not sys.stderr.isatty():
        yield _Lines(verb)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = [TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn()]
    with Progress(
        *columns, TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task(verb, total=None)

        def show(summary: Summary, total: int) -> None:
            text = f"{verb}, {len(summary.failed)} failed" if summary.failed else verb
            bar.update(task, description=text, completed=_total(summary), total=total)

        yield show


class _Lines:
    def __init__(self, verb: str):
        self._verb, self._last = verb, time.monotonic()

    def __call__(self, summary: Summary, total: int) -> None:
        if time.monotonic() - self._last < _EVERY:
            return
        self._last = time.monotonic()
        failed = f", {len(summary.failed)} failed" if summary.failed else ""
        click.echo(f"{self._verb}: {_total(summary):,} of {total:,}{failed}", err=True)
