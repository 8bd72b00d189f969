# SPDX-License-Identifier: Apache-2.0
"""`tinify decompress`"""

from __future__ import annotations

import time
from typing import Any

import click

from tinify.cli.listing import json_option
from tinify.cli.paths import Output, Source, check_distinct, choose_output, expand, split_output

EXTENSION = ".tnf"


@click.command()
@click.argument("paths", nargs=-1, metavar="IN... [OUT]")
@click.option("--output", "-o", help="Output file or folder; every path is then an input.")
@click.option("--codec", help="Folder of the codec (./mine), for files whose codec is not in the zoo.")
@click.option("--format", "extension", help="Extension of outputs that are not named, such as png or npy.")
@click.option("--force", "-f", is_flag=True, help="Overwrite outputs that exist.")
@click.option("--recursive", "-r", is_flag=True, help="Look into the folders of a folder, too.")
@json_option
def decompress(paths, output, codec, extension, force, recursive, as_json) -> int:
    """Restore files from .tnf.

    IN is a .tnf file, a folder, a pattern or - (standard input). The last of several paths is the output when it does
    not end in .tnf. Without one, photo.tnf becomes photo.png beside it: pictures come back as PNG, series as the kind
    of file that they came from.
    """
    from tinify import api
    from tinify.cli.batch import run_batch
    from tinify.cli.streams import refuse_terminal

    inputs, output = split_output(paths, output, lambda last: not last.lower().endswith(EXTENSION))
    sources = expand(inputs, {EXTENSION}, recursive)
    place = choose_output(output, sources, inputs)
    check_distinct([place.target(source, EXTENSION) for source in sources])
    if place.stream:
        refuse_terminal()
        if as_json:
            raise click.UsageError("--json and the restored data cannot both go to standard output; name an output")
    extension = f".{extension.lstrip('.').lower()}" if extension else None
    codec = codec if codec is None else api.load(codec)
    return run_batch(sources, lambda source: _decompress(source, place, codec, extension, force), _line,
                     verb="decompress", as_json=as_json, quiet_stdout=place.stream)  # fmt: skip


def _decompress(source: Source, place: Output, codec: Any, extension: str | None, force: bool) -> dict[str, Any]:
    from tinify import api, media
    from tinify.cli.streams import read_source, write_signal

    start = time.perf_counter()
    if place.file is not None:
        media.check_free(place.file, force)
    data = read_source(source)
    signal = api.decompress_signal(data, codec)
    extension = extension or media.usual_extension(signal)
    target = place.target(source, extension)
    write_signal(signal, target, extension, force=force)
    return {
        "input": str(source),
        "output": "-" if target is None else str(target),
        "modality": signal.modality,
        "shape": list(signal.samples.shape),
        "dtype": signal.samples.dtype.name,
        "input_bytes": len(data),
        "seconds": round(time.perf_counter() - start, 3),
    }


def _line(result: dict[str, Any]) -> str:
    size = "x".join(map(str, result["shape"]))
    return f"{result['input']} -> {result['output']}  {result['modality']} {size} {result['dtype']}"
