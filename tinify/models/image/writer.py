# SPDX-License-Identifier: Apache-2.0
"""A picture into a file, tile by tile, without the whole of either in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from tinify.container import EntryWriter, pack, with_requirements
from tinify.models.in_order import THREADS, Progress
from tinify.signal import Signal

if TYPE_CHECKING:
    from tinify.models.image.files import ImageFiles


def write_picture(
    codec: ImageFiles,
    signal: Signal,
    out: BinaryIO,
    scratch: BinaryIO,
    *,
    tile: int | None = None,
    threads: int = THREADS,
    progress: Progress | None = None,
    **rate: Any,
) -> int:
    """Writes the bytes of `codec.pack(signal, ...)` to `out` and gives their number.

    Of `signal.samples` only rows are taken, those of a row of tiles at a time. `scratch` is an empty binary file for
    the payload, which stands in the file after its index.
    """
    tiles = codec.tiles_of(signal, tile, **rate)
    if tiles is None:
        return out.write(pack(with_requirements(codec.pack(signal, tile=0, **rate), codec)))
    writer = EntryWriter(scratch)
    for entry in codec.pack_tiles(signal, tiles, threads=threads, progress=progress, **rate):
        writer.add(entry)
    return writer.finish(with_requirements(codec.header(signal, tiles.pack()), codec), out)
