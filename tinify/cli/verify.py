# SPDX-License-Identifier: Apache-2.0
"""`tinify verify`"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import click

from tinify.cli.listing import json_option
from tinify.cli.paths import Source, expand


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="FILE...")
@click.option("--codec", help="Codec file (my.codec) or folder (./mine), for files whose codec is not in the zoo.")
@click.option("--recursive", "-r", is_flag=True, help="Look into the folders of a folder, too.")
@json_option
def verify(paths, codec, recursive, as_json) -> int:
    """Decode .tnf files in full, write nothing, and check everything that can be checked.

    Check sums, the hash of the weights, the end state of the entropy coder, and the shape of what comes out; of a
    JPEG file that was repacked also its bytes.
    """
    from tinify import api
    from tinify.cli.batch import run_batch

    codec = codec if codec is None else api.load(codec)
    sources = expand(list(paths), {".tnf"}, recursive)

    def work(source: Source, progress: Callable[[int, int], None]) -> dict[str, Any]:
        return _verify(source, codec, progress)

    return run_batch(sources, work, _line, verb="verify", as_json=as_json)


def _verify(source: Source, codec: Any, progress: Callable[[int, int], None]) -> dict[str, Any]:
    from tinify import api, container, jpeg_files
    from tinify.cli.streams import source_data
    from tinify.errors import FormatError

    start = time.perf_counter()
    data = source_data(source)
    header = container.inspect(data)
    if header["modality"] in ("series", "image") and any(section["name"] == "index" for section in header["sections"]):
        decode = _decode_in_pieces if header["modality"] == "series" else _decode_in_tiles
        shape, dtype = decode(bytes(data) if source.path is None else source.path, codec, progress)
    else:
        samples = api.decompress_signal(data, codec).samples
        if jpeg_files.holds_jpeg(container.unpack(data)):
            jpeg_files.restore(data, codec)
        shape, dtype = samples.shape, samples.dtype.name
    if list(shape) != header["shape"] or dtype != header["dtype"]:
        raise FormatError(f"decodes to {shape} of {dtype}; its header says {header['shape']} of {header['dtype']}")
    return {
        "input": str(source),
        "ok": True,
        "codec": header["codec"],
        "modality": header["modality"],
        "shape": header["shape"],
        "dtype": header["dtype"],
        "seconds": round(time.perf_counter() - start, 3),
    }


def _decode_in_pieces(data, codec: Any, progress) -> tuple[tuple[int, int], str]:
    from tinify import api

    with api.open(data, codec) as reader:
        return (sum(len(piece) for piece in reader.pieces(progress=progress)), reader.shape[1]), reader.dtype.name


def _decode_in_tiles(data, codec: Any, progress) -> tuple[tuple[int, int, int], str]:
    from tinify import api

    with api.open_picture(data, codec) as reader:
        return (sum(len(band) for band in reader.bands(progress=progress)), *reader.shape[1:]), reader.dtype.name


def _line(result: dict[str, Any]) -> str:
    size = "x".join(map(str, result["shape"]))
    return f"ok  {result['input']}  {result['modality']} {size} {result['dtype']}, {result['codec']}"
