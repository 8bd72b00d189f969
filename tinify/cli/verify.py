# SPDX-License-Identifier: Apache-2.0
"""`tinify verify`"""

from __future__ import annotations

import time
from typing import Any

import click

from tinify.cli.listing import json_option
from tinify.cli.paths import Source, expand


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="FILE...")
@click.option("--codec", help="Folder of the codec (./mine), for files whose codec is not in the zoo.")
@click.option("--recursive", "-r", is_flag=True, help="Look into the folders of a folder, too.")
@json_option
def verify(paths, codec, recursive, as_json) -> int:
    """Decode .tnf files in full, write nothing, and check everything that can be checked.

    Check sums, the hash of the weights, the end state of the entropy coder, and the shape of what comes out.
    """
    from tinify import api
    from tinify.cli.batch import run_batch

    codec = codec if codec is None else api.load(codec)
    sources = expand(list(paths), {".tnf"}, recursive)
    return run_batch(sources, lambda source: _verify(source, codec), _line, verb="verify", as_json=as_json)


def _verify(source: Source, codec: Any) -> dict[str, Any]:
    from tinify import api, container
    from tinify.cli.streams import read_source
    from tinify.errors import FormatError

    start = time.perf_counter()
    data = read_source(source)
    header = container.inspect(data)
    samples = api.decompress_signal(data, codec).samples
    if list(samples.shape) != header["shape"] or samples.dtype.name != header["dtype"]:
        raise FormatError(
            f"decodes to {samples.shape} of {samples.dtype}; its header says {header['shape']} of {header['dtype']}"
        )
    return {
        "input": str(source),
        "ok": True,
        "codec": header["codec"],
        "modality": header["modality"],
        "shape": header["shape"],
        "dtype": header["dtype"],
        "seconds": round(time.perf_counter() - start, 3),
    }


def _line(result: dict[str, Any]) -> str:
    size = "x".join(map(str, result["shape"]))
    return f"ok  {result['input']}  {result['modality']} {size} {result['dtype']}, {result['codec']}"
