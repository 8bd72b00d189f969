# SPDX-License-Identifier: Apache-2.0
"""Series that do not fit the memory: `.npy` files read and written some rows at a time."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from typing import BinaryIO

import numpy as np

from tinify.errors import InputError
from tinify.media.arrays import array_type, describe, header_of, plain_type, restored
from tinify.signal import Signal

_HEADER = 1 << 16


class NpyRows:
    """Samples (T, C) in a .npy file, row after row from byte `start`; `rows[a:b]` reads these rows and no others."""

    def __init__(self, path: str | os.PathLike, shape: tuple[int, int], stored: np.dtype, start: int):
        self._path, self._stored, self._start = os.fspath(path), stored, start
        self.shape, self.dtype = shape, plain_type(stored)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> np.ndarray:
        start, stop, step = rows.indices(self.shape[0])
        if step != 1:
            raise InputError(f"rows in steps of {step}; allowed: consecutive rows")
        count = max(0, stop - start) * self.shape[1]
        offset = self._start + start * self.shape[1] * self._stored.itemsize
        try:
            found = np.fromfile(self._path, self._stored, count, offset=offset)
        except OSError as error:
            raise InputError(f"{self._path}: the file cannot be read: {error.strerror or error}") from error
        if len(found) != count:
            raise InputError(f"{self._path}: the file became shorter while it was read")
        return found.astype(self.dtype, copy=False).reshape(-1, self.shape[1])


def open_rows(path: str | os.PathLike) -> Signal | None:
    """The series in a .npy file as `media.read` gives it, with `NpyRows` for samples; nothing but the header is read.

    None where the file is of another kind or order (column after column, more than 64 bits) and has to be read as a
    whole. InputError when it is cut off.
    """
    try:
        with open(path, "rb") as file:
            head, size = file.read(_HEADER), os.fstat(file.fileno()).st_size
    except OSError:
        return None  # `media.read` says what is wrong
    if not head.startswith(b"\x93NUMPY"):
        return None
    try:
        shape, by_columns, dtype, start = header_of(head)
    except Exception:  # as above; NumPy lets out whatever the tokenizer under its parser raises
        return None
    fitting = len(shape) in (1, 2) and dtype.kind in "buif" and dtype.itemsize <= 8
    if not fitting or (by_columns and len(shape) == 2) or any(size < 1 for size in shape):
        return None
    needed, there = math.prod(shape) * dtype.itemsize, size - start
    if needed > there:
        raise InputError(
            f"{os.fspath(path)}: the array needs {needed} bytes and {there} are there: the file is cut off"
        )
    samples = NpyRows(path, (shape[0], shape[1] if len(shape) == 2 else 1), dtype, start)
    return Signal("series", samples, describe({"kind": "npy"}, dtype, len(shape)))


def write_rows(
    pieces: Iterable[np.ndarray], shape: tuple[int, int], dtype: np.dtype, metadata: Mapping[str, bytes], file: BinaryIO
) -> None:
    """The .npy file that `media.write` makes of a series (T, C), from pieces of its rows. FormatError."""
    dtype, dimensions = array_type(metadata, dtype)
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape[:dimensions]}
    np.lib.format.write_array_header_1_0(file, header)
    for piece in pieces:
        file.write(np.ascontiguousarray(restored(piece, metadata)).tobytes())
