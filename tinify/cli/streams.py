# SPDX-License-Identifier: Apache-2.0
"""Standard input and output as files."""

from __future__ import annotations

import mmap
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tinify import media
from tinify.cli.paths import Source
from tinify.errors import InputError
from tinify.file_to_file import restore, restore_picture
from tinify.signal import Signal

if TYPE_CHECKING:
    from tinify.models.image.reader import PictureReader
    from tinify.models.series.reader import SeriesReader


def read_source(source: Source) -> bytes:
    """All bytes of a file or of standard input."""
    return media.read_bytes(sys.stdin.buffer if source.path is None else source.path)


def source_data(source: Source) -> memoryview:
    """As `read_source`, for looking at: what a file holds comes into memory as it is looked at."""
    if source.path is None or not source.path.is_file() or not source.path.stat().st_size:
        return memoryview(read_source(source))
    try:
        with open(source.path, "rb") as file:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError):  # a file that cannot be mapped
        return memoryview(read_source(source))


def write_data(data: bytes, target: Path | None, *, force: bool) -> None:
    """Bytes to a file, in one step, or to standard output."""
    if target is None:
        _stdout(data)
        return
    _make_folder(target.parent)
    media.write_whole(target, lambda file: file.write(data), overwrite=force)


def write_signal(signal: Signal, target: Path | None, extension: str, *, force: bool) -> None:
    """A signal to a file, as its extension says, or to standard output as `extension` says."""
    if target is not None:
        _make_folder(target.parent)
        media.write(signal, target, overwrite=force)
        return
    with tempfile.TemporaryDirectory() as folder:
        file = media.write(signal, Path(folder) / f"signal{extension}")
        _stdout(file.read_bytes())


def write_part(reader: SeriesReader, target: Path | None, extension: str, *, force: bool, **options: Any) -> None:
    """A series in a file, or some of its rows, to a file or to standard output; options as `file_to_file.restore`."""
    _write(restore, reader, target, extension, force, options)


def write_region(reader: PictureReader, target: Path | None, extension: str, *, force: bool, **options: Any) -> None:
    """As `write_part`, of a picture in a file; options as `file_to_file.restore_picture`."""
    _write(restore_picture, reader, target, extension, force, options)


def _write(
    write: Callable, reader: Any, target: Path | None, extension: str, force: bool, options: dict[str, Any]
) -> None:
    if target is not None:
        _make_folder(target.parent)
        write(reader, target, overwrite=force, **options)
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"signal{extension}"
        write(reader, file, **options)
        _stdout(file.read_bytes())


def make_folder_of(target: Path) -> None:
    """The folder that the file is to stand in."""
    _make_folder(target.parent)


def refuse_terminal() -> None:
    """UsageError when binary data would be written to a terminal."""
    if sys.stdout.isatty():
        raise click.UsageError("binary data is not written to a terminal; name an output, or use a pipe")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror or error}") from error


def _stdout(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
