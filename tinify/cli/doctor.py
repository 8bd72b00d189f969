# SPDX-License-Identifier: Apache-2.0
"""`tinify doctor`"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

import click

from tinify.cli.listing import json_option


@click.command()
@json_option
def doctor(as_json: bool) -> int:
    """Check that this installation works, and say what to do where it does not.

    Versions, the processor's instructions and the kernels used, every coder on known symbols, the plugins, the weights
    of the pretrained codecs and a known file of each, the cache, and optional packages. Exit code 1 when something
    that should work does not.
    """
    from tinify.doctor import examine

    if as_json:
        found = [{"topic": topic, **asdict(finding)} for topic, finding in examine()]
        problems = [row for row in found if row["problem"]]
        click.echo(json.dumps({"ok": not problems, "problems": len(problems), "findings": found}, indent=2))
        return 1 if problems else 0
    problems = []
    for topic, finding in examine(_say_topic):
        _say(finding)
        if finding.problem:
            problems.append((topic, finding))
    click.echo("\n" + (f"{len(problems)} problem{'s' * (len(problems) > 1)}:" if problems else "Everything works."))
    for topic, finding in problems:
        click.echo(f"  {topic}, {_safe(finding.what)}: {_safe(finding.found)}\n    next: {_safe(finding.next_step)}")
    return 1 if problems else 0


def _say_topic(topic: str) -> None:
    click.secho(f"\n{topic}" if topic != "environment" else topic, bold=True)
    sys.stdout.flush()  # the next findings may take a while


def _say(finding: Any) -> None:
    mark, colour = (
        ("PROBLEM", "red") if finding.problem else ("absent", "yellow") if finding.next_step else ("ok", None)
    )
    click.echo(f"  {click.style(mark.ljust(7), fg=colour)}  {_safe(finding.what)}: {_safe(finding.found)}")
    if finding.next_step and not finding.problem:
        click.echo(f"           next: {_safe(finding.next_step)}")


def _safe(text: str) -> str:
    """What a plugin wrote is shown, never obeyed by the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)
