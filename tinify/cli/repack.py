# SPDX-License-Identifier: Apache-2.0
"""`tinify repack`"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import click

from tinify.cli.listing import json_option
from tinify.cli.paths import Output, Source, check_distinct, choose_output, expand, split_output

EXTENSION = ".tnf"
JPEGS = {".jpg", ".jpeg", ".jpe", ".jfif"}


@click.command()
@click.argument("paths", nargs=-1, metavar="IN... [OUT]")
@click.option("--output", "-o", help="Output file or folder; every path is then an input.")
@click.option("--codec", help="Another codec of the kind jpeg-like: a name, a codec file or a folder.")
@click.option("--force", "-f", is_flag=True, help="Overwrite outputs that exist.")
@click.option("--recursive", "-r", is_flag=True, help="Look into the folders of a folder, too.")
@json_option
def repack(paths, output, codec, force, recursive, as_json) -> int:
    """Make JPEG files smaller without changing a byte of them.

    IN is a JPEG file, a folder, a pattern or - (standard input). Without an output, photo.jpg becomes photo.tnf beside
    it. What the JPEG file says is kept, only written in fewer bytes, about a fifth less: nothing is lost, unlike with
    `tinify compress`, which makes smaller files of the picture.

    \b
    tinify repack photo.jpg           photo.tnf
    tinify repack -r photos -o small  every JPEG file in photos and its folders
    tinify decompress photo.tnf       photo.jpg, the same bytes as before
    tinify decompress photo.tnf x.png the picture

    The JPEG file itself stays where it is. Every file is restored and compared before it is written. Reading JPEG
    files needs an extra, restoring them does not: pip install "tinify-codec[jpeg]".
    """
    from tinify import api
    from tinify.cli.batch import run_batch
    from tinify.cli.streams import refuse_terminal

    inputs, output = split_output(paths, output, lambda last: last.lower().endswith(EXTENSION))
    sources = expand(inputs, JPEGS, recursive)
    place = choose_output(output, sources, inputs)
    check_distinct([place.target(source, EXTENSION) for source in sources])
    if place.stream:
        refuse_terminal()
        if as_json:
            raise click.UsageError("--json and the packed data cannot both go to standard output; name an output")
    chosen = codec if codec is None else api.load(codec)

    def work(source: Source, progress: Callable[[int, int], None]) -> dict[str, Any]:
        return _repack(source, place, chosen, force)

    return run_batch(sources, work, _line, verb="repack", as_json=as_json, quiet_stdout=place.stream)


def _repack(source: Source, place: Output, codec: Any, force: bool) -> dict[str, Any]:
    from tinify import container, jpeg_files, media
    from tinify.cli.streams import read_source, write_data

    start = time.perf_counter()
    target = place.target(source, EXTENSION)
    if target is not None:
        media.check_free(target, force)
    raw = read_source(source)
    data = jpeg_files.repack(raw, codec)
    write_data(data, target, force=force)
    return {
        "input": str(source),
        "output": "-" if target is None else str(target),
        "codec": container.inspect(data)["codec"],
        "input_bytes": len(raw),
        "output_bytes": len(data),
        "saved_percent": round(100 * (1 - len(data) / len(raw)), 2),
        "seconds": round(time.perf_counter() - start, 3),
    }


def _line(result: dict[str, Any]) -> str:
    return (
        f"{result['input']} -> {result['output']}  {result['input_bytes']:,} -> {result['output_bytes']:,} bytes "
        f"({result['saved_percent']:.1f} % less)  {result['codec']}"
    )
