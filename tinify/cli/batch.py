# SPDX-License-Identifier: Apache-2.0
"""Doing one thing to many files: progress, a line for each, and failures that do not stop the others."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from tinify.cli.paths import Source
from tinify.errors import TinifyError


def run_batch(
    sources: list[Source],
    work: Callable[[Source, Callable[[int, int], None]], dict[str, Any]],
    line: Callable[[dict[str, Any]], str],
    *,
    verb: str,
    as_json: bool,
    quiet_stdout: bool = False,
) -> int:
    """Calls `work` for each source and reports what it returns, as lines or as one JSON list; gives the exit code.

    `work(source, progress)` may call `progress(done, total)` while it is at it.

    A TinifyError is reported on stderr and the next source follows. With one source its own exit code is the result,
    with several 1. `quiet_stdout` sends the lines to stderr, where stdout carries data.
    """
    results, failures = [], []
    with _progress(len(sources), verb) as (advance, say):
        for source in sources:
            progress = advance(str(source))
            try:
                result = work(source, progress)
            except TinifyError as error:
                message = _named(source, error)
                failures.append(error)
                result = {"input": str(source), "error": message, "exit_code": error.exit_code}
                say(f"error: {message}", True)
            else:
                if not as_json:
                    say(line(result), quiet_stdout)
            results.append(result)
    if as_json:
        click.echo(json.dumps(results, indent=2))
    elif failures and len(sources) > 1:
        click.echo(f"{len(failures)} of {len(sources)} files failed", err=True)
    if not failures:
        return 0
    return failures[0].exit_code if len(sources) == 1 else 1


def _named(source: Source, error: TinifyError) -> str:
    text = str(error)
    return text if source.path is None or text.startswith(str(source)) else f"{source}: {text}"


@contextmanager
def _progress(count: int, verb: str) -> Iterator[tuple[Callable[[str], Callable], Callable[[str, bool], None]]]:
    """`advance(name)` moves a bar on stderr where that is a terminal, and gives a function of parts done and their
    number, for the work on one file; `say(text, err)` prints a line that does not get into the bar's way."""
    if not sys.stderr.isatty():
        yield (lambda name: lambda done, total: None), (lambda text, err: click.echo(text, err=err))
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = [
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    ]
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as bar:
        task = bar.add_task(verb, total=count)
        started = iter(range(count))

        def say(text: str, err: bool) -> None:
            if err or sys.stdout.isatty():
                bar.console.print(text, markup=False, highlight=False, soft_wrap=True)
            else:
                click.echo(text)

        def advance(name: str) -> Callable[[int, int], None]:
            bar.update(task, description=f"{verb} {name}", completed=next(started))
            return lambda done, total: bar.update(task, description=f"{verb} {name} ({100 * done // total} %)")

        yield advance, say
