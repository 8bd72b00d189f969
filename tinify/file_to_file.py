# SPDX-License-Identifier: Apache-2.0
"""Files to `.tnf` files and back, in pieces where the series is long: memory holds a few chunks, whatever its length.

    x.npy --rows--> chunks --coded on threads--> scratch file -> header, index, payload -> x.tnf
    x.tnf --index, chunks a to b--> decoded on threads --rows--> y.npy

Other kinds of files (CSV, .npz, pictures) are read and written as a whole: what a CSV column is, all its cells say.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tinify import api, container, media
from tinify.errors import TinifyError
from tinify.signal import Signal

if TYPE_CHECKING:
    from tinify.models.series.reader import SeriesReader

Progress = Callable[[int, int], object]
LONG = 1 << 20  # numbers


@dataclass(frozen=True)
class Written:
    """What was read or restored, and the bytes of both files."""

    modality: str
    codec: str
    shape: tuple[int, ...]
    dtype: str
    input_bytes: int
    output_bytes: int


def compress_file(
    source: str | os.PathLike,
    target: str | os.PathLike,
    codec: Any = None,
    quality: float | None = None,
    *,
    chunk: int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    overwrite: bool = False,
    **bound: Any,
) -> Written:
    """Writes the file that `api.compress` makes of `source`, which appears whole or not at all.

    bound: max_error, max_error_of, lossless, as `api.compress` takes them. Errors as `media.read`, `media.write_whole`
    and `api.compress`.
    """
    media.check_free(target, overwrite)
    signal = media.open_rows(source) or media.read(source)
    codec = api.codec_for(signal, codec)
    options = {"chunk": chunk, "threads": threads, "progress": progress}

    def produce(file) -> None:
        if not hasattr(codec, "pack_chunks"):
            whole = Signal(signal.modality, signal.samples[:], signal.metadata)
            file.write(api.compress_signal(whole, codec, quality, **options, **bound))
            return
        from tinify.models.series.writer import write_series

        given = {name: value for name, value in options.items() if value is not None}
        api.check_rate(quality, max_error=bound.get("max_error"), lossless=bound.get("lossless", False))
        given |= api.bound_for(codec, **bound)
        # Beside the output: there is room, and a temporary file without a name is gone when the process is.
        with tempfile.TemporaryFile(dir=Path(target).resolve().parent) as scratch:
            write_series(codec, signal, file, scratch, quality=quality, **given)

    media.write_whole(target, produce, overwrite=overwrite)
    shape, dtype = tuple(signal.samples.shape), np.dtype(signal.samples.dtype).name
    return Written(signal.modality, codec.name, shape, dtype, os.path.getsize(source), os.path.getsize(target))


def decompress_file(
    source: str | os.PathLike,
    target: str | os.PathLike,
    codec: Any = None,
    *,
    rows: slice | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    overwrite: bool = False,
) -> Written:
    """Restores a series, or its `rows`, as the kind of file that `target` says; it appears whole or not at all.

    Errors as `api.open`, `media.write`.
    """
    media.check_free(target, overwrite)
    with api.open(source, codec) as reader:
        shape = restore(reader, target, rows=rows, threads=threads, progress=progress, overwrite=overwrite)
        name, dtype = reader.codec_name, reader.dtype.name
    return Written("series", name, shape, dtype, os.path.getsize(source), os.path.getsize(target))


def restore(
    reader: SeriesReader,
    target: str | os.PathLike,
    *,
    rows: slice | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    overwrite: bool = False,
) -> tuple[int, int]:
    """As `decompress_file`, of an open file; gives the shape of what was written."""
    options = {name: value for name, value in (("threads", threads), ("progress", progress)) if value is not None}
    start, stop = reader.bounds(slice(None) if rows is None else rows)
    metadata = reader.metadata if rows is None else media.cut(reader.metadata, len(reader), start, stop)
    shape = (stop - start, reader.shape[1])
    if Path(target).suffix.lower() != ".npy":
        signal = Signal("series", reader.read(start, stop, **options), metadata)
        media.write(signal, target, overwrite=overwrite)
        return shape

    def produce(file) -> None:
        media.write_rows(reader.pieces(start, stop, **options), shape, reader.dtype, metadata, file)

    media.write_whole(target, produce, overwrite=overwrite)
    return shape


def is_long(source: str | os.PathLike) -> bool:
    """Whether the file is a .npy of so many numbers that it is better read in pieces."""
    signal = media.open_rows(source)
    return signal is not None and signal.samples.size > LONG


def is_indexed(source: str | os.PathLike) -> bool:
    """Whether the file is a series in chunks. False where it cannot be read, too: who reads it will say why."""
    try:
        with open(source, "rb") as file:
            reader = container.open_entries(file)
    except (OSError, TinifyError):
        return False
    return reader is not None and reader.file.modality == "series"
