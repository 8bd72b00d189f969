# SPDX-License-Identifier: Apache-2.0
"""`tinify inspect`"""

from __future__ import annotations

import json
import math
from typing import Any

import click

from tinify.cli.listing import json_option

_NOT_PORTABLE = (
    "made by networks in floating point; another processor or version of torch may not be able to decode it (it would "
    "say so). Files of the codec decode everywhere after tinify.quantize_entropy_path(codec)"
)


@click.command()
@click.argument("file")
@click.option("--codec", help="Say, too, whether a .tnf file was made with this codec (my.codec, ./mine or a name).")
@json_option
def inspect(file: str, codec: str | None, as_json: bool) -> None:
    """Show what a .tnf file holds (or - for standard input, or a URL), or what a codec file was made from.

    Check sums are verified, nothing is decoded.
    """
    from pathlib import Path

    from tinify import codec_file, container
    from tinify.cli.paths import STREAM, Source
    from tinify.cli.streams import source_data
    from tinify.cli.urls import is_url, read
    from tinify.errors import TinifyError

    source = Source(None if file == STREAM else Path(file), Path(file))
    try:
        data = memoryview(read(file)) if is_url(file) else source_data(source)
        if data[: len(codec_file.MAGIC)] == codec_file.MAGIC:
            described = codec_file.describe(bytes(data))
            click.echo(json.dumps({"file": file, **described}, indent=2) if as_json else _codec_text(file, described))
            return
        found = container.inspect(data)
        portable = container.is_portable(data)
        if portable is not None:
            found["portable"] = portable
        if codec is not None:
            found["made_with_codec"] = _fingerprint(codec).hex() == found["fingerprint"]
    except TinifyError as error:
        raise type(error)(f"{file}: {error}") from error
    if as_json:
        click.echo(json.dumps({"file": file, **found}, indent=2))
        return
    for line in _lines(file, found):
        click.echo(line)


def _fingerprint(codec: str) -> bytes:
    from tinify import api, codec_file

    return codec_file.read(codec).fingerprint if codec_file.is_named(codec) else api.load(codec).fingerprint()


def _codec_text(file: str, described: dict[str, Any]) -> str:
    codec = ", ".join(f"{key} {value}" for key, value in described["codec"].items() if key != "kind")
    base = f", coder state of {described['base']!r}" if described["base"] else ""
    lines = [f"{file}: codec file, {described['bytes']:,} bytes, weights {described['fingerprint']}"]
    lines += [f"  codec    {codec}{base}"]
    lines += [f"  {key:8} {json.dumps(value, ensure_ascii=False)}" for key, value in described["card"].items()]
    # What a stranger wrote is shown, never obeyed by the terminal.
    return "\n".join("".join(c if c.isprintable() else "?" for c in line) for line in lines)


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
    if not found.get("portable", True):
        lines.append(f"  portable no: {_NOT_PORTABLE}")
    if "made_with_codec" in found:
        lines.append(f"  --codec  {'made this file' if found['made_with_codec'] else 'did not make this file'}")
    for section in found["sections"]:
        if "distributions" in section:
            lines.append(f"  needs    {', '.join(section['distributions'])}")
        entries = section.get("entries")
        inside = f"  ({', '.join(entries)})" if isinstance(entries, dict) else ""
        lines.append(f"  section  {section['name']}: {section['bytes']:,} bytes{inside}")
    return lines
