# SPDX-License-Identifier: Apache-2.0
"""Files to `.tnf` files and back, in pieces where the series is long or the picture large: memory holds a few chunks,
or a row of tiles, whatever the size.

    x.npy --rows--> chunks --coded on threads--> scratch file -> header, index, payload -> x.tnf
    x.tnf --index, chunks a to b--> decoded on threads --rows--> y.npy
    x.ppm, picture.npy --rows--> tiles ... x.tnf --index, tiles of a region--> blended --rows--> y.ppm, y.npy

Other kinds of files (CSV, .npz, other pictures) are read and written as a whole: what a CSV column is, all its cells
say.
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
    from tinify.models.image.reader import PictureReader
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
    tile: int | None = None,
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
    signal = media.open_rows(source) or media.open_pixels(source) or media.read(source)
    codec = api.codec_for(signal, codec)
    options = {"chunk": chunk, "tile": tile, "threads": threads, "progress": progress}
    write = _writer_for(codec)

    def produce(file) -> None:
        if write is None:
            whole = Signal(signal.modality, signal.samples[:], signal.metadata)
            file.write(api.compress_signal(whole, codec, quality, **options, **bound))
            return
        api.check_rate(quality, max_error=bound.get("max_error"), lossless=bound.get("lossless", False))
        given = api.options_of(codec, **options) | api.bound_for(codec, **bound)
        # Beside the output: there is room, and a temporary file without a name is gone when the process is.
        with tempfile.TemporaryFile(dir=Path(target).resolve().parent) as scratch:
            write(codec, signal, file, scratch, quality=quality, **given)

    media.write_whole(target, produce, overwrite=overwrite)
    shape, dtype = tuple(signal.samples.shape), np.dtype(signal.samples.dtype).name
    return Written(signal.modality, codec.name, shape, dtype, os.path.getsize(source), os.path.getsize(target))


def _writer_for(codec: Any) -> Any:
    """What writes files of the codec piece by piece; None where it has no pieces."""
    if hasattr(codec, "pack_chunks"):
        from tinify.models.series.writer import write_series

        return write_series
    if hasattr(codec, "pack_tiles"):
        from tinify.models.image.writer import write_picture

        return write_picture
    return None


def decompress_file(
    source: str | os.PathLike,
    target: str | os.PathLike,
    codec: Any = None,
    *,
    rows: slice | None = None,
    region: tuple[int, int, int, int] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    overwrite: bool = False,
) -> Written:
    """Restores a series, or its `rows`, or a picture in tiles, or a `region` (top, left, height, width) of any picture,
    as the kind of file that `target` says; it appears whole or not at all.

    Errors as `api.open`, `api.open_picture`, `media.write`.
    """
    media.check_free(target, overwrite)
    if region is not None or (rows is None and is_tiled(source)):
        with api.open_picture(source, codec) as picture:
            options = {"region": region, "threads": threads, "progress": progress, "overwrite": overwrite}
            shape, name = restore_picture(picture, target, **options), picture.codec_name
            dtype = picture.dtype.name
        return Written("image", name, shape, dtype, os.path.getsize(source), os.path.getsize(target))
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


def restore_picture(
    reader: PictureReader,
    target: str | os.PathLike,
    *,
    region: tuple[int, int, int, int] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    overwrite: bool = False,
) -> tuple[int, int, int]:
    """Writes a picture, or a region (top, left, height, width) of it, as the kind of file that `target` says, and gives
    the shape of what was written. PPM, PGM and .npy files never need all of it in memory."""
    options = {name: value for name, value in (("threads", threads), ("progress", progress)) if value is not None}
    _, _, height, width = region = reader.region(region)
    shape, extension = (height, width, reader.shape[2]), Path(target).suffix.lower()
    if not media.writes_pixels(extension, shape[2], reader.dtype):
        media.write(Signal("image", reader.read(region, **options), reader.metadata), target, overwrite=overwrite)
        return shape

    def produce(file) -> None:
        media.write_pixels(reader.bands(region, **options), shape, reader.metadata, file, extension, reader.dtype)

    media.write_whole(target, produce, overwrite=overwrite)
    return shape


def is_long(source: str | os.PathLike) -> bool:
    """Whether the file is a .npy of so many numbers that it is better read in pieces."""
    signal = media.open_rows(source)
    return signal is not None and signal.samples.size > LONG


def is_raw_picture(source: str | os.PathLike) -> bool:
    """Whether the file is a picture that can be read in pieces: PPM, PGM, or .npy of (H, W, C)."""
    return media.open_pixels(source) is not None


def is_indexed(source: str | os.PathLike) -> bool:
    """Whether the file is a series in chunks. False where it cannot be read, too: who reads it will say why."""
    return _indexed(source) == container.SERIES


def is_tiled(source: str | os.PathLike) -> bool:
    """As `is_indexed`, of a picture in tiles."""
    return _indexed(source) == container.IMAGE


def _indexed(source: str | os.PathLike) -> str | None:
    try:
        with open(source, "rb") as file:
            reader = container.open_entries(file)
    except (OSError, TinifyError):
        return None
    return None if reader is None else reader.file.modality
