# SPDX-License-Identifier: Apache-2.0
"""Bytes from wherever they are, and files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from tinify.errors import InputError, OutputExistsError


def read_bytes(source: str | os.PathLike | bytes | BinaryIO) -> bytes:
    """All bytes of a path, of bytes-like data or of an open binary file. InputError when they cannot be had."""
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if hasattr(source, "read"):
        data = source.read()
        if not isinstance(data, bytes):
            raise InputError("the file is open as text; open it in binary mode ('rb')")
        return data
    try:
        return Path(source).read_bytes()
    except FileNotFoundError:
        raise InputError("there is no such file") from None
    except IsADirectoryError:
        raise InputError("this is a folder, not a file") from None
    except OSError as error:
        raise InputError(f"the file cannot be read: {error.strerror or error}") from error


def check_free(path: str | os.PathLike, overwrite: bool) -> None:
    """OutputExistsError when something is there and may not be replaced. Call it before long work, too."""
    if not overwrite and os.path.lexists(path):
        raise OutputExistsError(f"{path} exists already; choose another name or allow overwriting it")


def write_whole(path: str | os.PathLike, produce: Callable[[BinaryIO], object], *, overwrite: bool = False) -> Path:
    """Calls `produce` with an open binary file and puts the result at `path` in one step.

    When `produce` fails, nothing is left behind and what was there stays. OutputExistsError, InputError (the folder
    is missing or not writable).
    """
    path = Path(path)
    check_free(path, overwrite)
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.part")
    try:
        _fill(temporary, produce)
        move_whole(temporary, path, overwrite=overwrite)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
    return path


def _fill(path: Path, produce: Callable[[BinaryIO], object]) -> None:
    try:
        with open(path, "xb") as file:  # not tempfile: its files are private, and this one should have the usual mode
            produce(file)
    except OSError as error:
        raise InputError(f"cannot write to {path.parent}: {error.strerror or error}") from error


def move_whole(temporary: str | os.PathLike, path: str | os.PathLike, *, overwrite: bool = False) -> None:
    """Puts a file that is whole at `path`, on the same file system, in one step; without `overwrite` never in the place
    of another, also when another process was faster. OutputExistsError; OSError."""
    if overwrite:
        os.replace(temporary, path)
        return
    try:
        os.link(temporary, path)
    except FileExistsError:
        check_free(path, overwrite=False)
    except OSError:  # a file system without hard links
        check_free(path, overwrite=False)
        os.replace(temporary, path)
