# SPDX-License-Identifier: Apache-2.0
"""`tinify inspect`"""

from __future__ import annotations

import json
import math
from typing import Any

import click

from tinify.cli.listing import json_option


@click.command()
@click.argument("file")
@json_option
def inspect(file: str, as_json: bool) -> None:
    """Show what a .tnf file holds (or - for standard input). Its check sums are verified, nothing is decoded."""
    from pathlib import Path

    from tinify import container
    from tinify.cli.paths import STREAM, Source
    from tinify.cli.streams import source_data
    from tinify.errors import TinifyError

    source = Source(None if file == STREAM else Path(file), Path(file))
    try:
        found = container.inspect(source_data(source))
    except TinifyError as error:
        raise type(error)(f"{file}: {error}") from error
    if as_json:
        click.echo(json.dumps({"file": file, **found}, indent=2))
        return
    for line in _lines(file, found):
        click.echo(line)


def _lines(file: str, found: dict[str, Any]) -> list[str]:
    shape = found["shape"]
    count = math.prod(shape[:2] if found["modality"] == "image" else shape)
    rate = f", {8 * found['bytes'] / count:.3f} bits per {'pixel' if found['modality'] == 'image' else 'number'}"
    lines = [
        f"{file}: {found['bytes']:,} bytes{rate if count else ''}",
        f"  signal   {found['modality']} {'x'.join(map(str, shape))} {found['dtype']}",
        f"  codec    {found['codec']}, weights {found['fingerprint']}",
        f"  format   tnf {found['version']}, {found['overhead_bytes']} bytes around the sections",
    ]
    for section in found["sections"]:
        entries = section.get("entries")
        inside = f"  ({', '.join(entries)})" if isinstance(entries, dict) else ""
        lines.append(f"  section  {section['name']}: {section['bytes']:,} bytes{inside}")
    return lines
