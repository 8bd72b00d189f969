# SPDX-License-Identifier: Apache-2.0
"""How far a long command is: a bar, or lines where there is no terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

Progress = Callable[[str, float], None]


@contextmanager
def stages(verb: str) -> Iterator[Progress]:
    """`say(stage, share)`: a bar on stderr where that is a terminal, else a line for each stage."""
    since = time.perf_counter()
    if not sys.stderr.isatty():
        yield lambda stage, share: click.echo(
            f"{100 * share:3.0f} %  {time.perf_counter() - since:5.1f} s  {stage}", err=True
        )
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = [SpinnerColumn(), TextColumn(verb + ": {task.description}", markup=False), BarColumn()]
    columns += [TaskProgressColumn(), TimeElapsedColumn()]
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("read", total=1.0)
        yield lambda stage, share: bar.update(task, description=stage, completed=share)
