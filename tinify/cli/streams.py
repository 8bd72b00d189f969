# SPDX-License-Identifier: Apache-2.0
"""Standard input and output as files."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click

from tinify import media
from tinify.cli.paths import Source
from tinify.errors import InputError
from tinify.signal import Signal


def read_source(source: Source) -> bytes:
    """All bytes of a file or of standard input."""
    return media.read_bytes(sys.stdin.buffer if source.path is None else source.path)


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
