# SPDX-License-Identifier: Apache-2.0
"""Pictures that do not fit the memory: PPM, PGM and `.npy` files, read and written some rows at a time."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterable, Mapping
from typing import BinaryIO

import numpy as np

from tinify.errors import InputError
from tinify.media.arrays import header_of
from tinify.media.deep import PNM
from tinify.signal import PEAKS, Signal

_HEADER = 1 << 16
_BYTES = np.dtype(np.uint8)
_STORED = {255: "u1", 65535: ">u2"}  # of a PPM or PGM


class PixelRows:
    """Samples (H, W, C) of a file, from byte `start`; `rows[a:b]` reads these rows and no others.

    `stored` is their dtype there; they are given in this machine's order of bytes."""

    ndim = 3

    def __init__(self, path: str | os.PathLike, shape: tuple[int, int, int], start: int, stored: np.dtype = _BYTES):
        self._path, self.shape, self._start, self._stored = os.fspath(path), shape, start, stored
        self.dtype = stored.newbyteorder("=")

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> np.ndarray:
        start, stop, step = rows.indices(self.shape[0])
        if step != 1:
            raise InputError(f"rows in steps of {step}; allowed: consecutive rows")
        row = math.prod(self.shape[1:])
        count = max(0, stop - start) * row
        try:
            found = np.fromfile(
                self._path, self._stored, count, offset=self._start + start * row * self._stored.itemsize
            )
        except OSError as error:
            raise InputError(f"{self._path}: the file cannot be read: {error.strerror or error}") from error
        if len(found) != count:
            raise InputError(f"{self._path}: the file became shorter while it was read")
        return found.astype(self.dtype, copy=False).reshape(-1, *self.shape[1:])


def open_pixels(path: str | os.PathLike) -> Signal | None:
    """The picture in a binary PPM or PGM of 8 or 16 bits, or in a .npy of (H, W, 1 to 4) uint8, uint16 or float32,
    with `PixelRows` for samples; nothing but the header is read.

    None where the file is of another kind. InputError when it is cut off.
    """
    try:
        with open(path, "rb") as file:
            head, size = file.read(_HEADER), os.fstat(file.fileno()).st_size
    except OSError:
        return None  # `media.read` says what is wrong
    found = _pnm(head) or _npy(head)
    if found is None:
        return None
    shape, start, stored = found
    needed = math.prod(shape) * stored.itemsize
    if needed > size - start:
        raise InputError(
            f"{os.fspath(path)}: the picture needs {needed} bytes and {size - start} are there: the file is cut off"
        )
    return Signal("image", PixelRows(path, shape, start, stored))


def _pnm(head: bytes) -> tuple[tuple[int, int, int], int, np.dtype] | None:
    found = PNM.match(head)
    if found is None:
        return None
    width, height, most = (int(number) for number in found.groups()[1:])
    if most not in _STORED or not width or not height:
        return None
    return (height, width, 1 if found[1] == b"5" else 3), found.end(), np.dtype(_STORED[most])


def _npy(head: bytes) -> tuple[tuple[int, int, int], int, np.dtype] | None:
    if not head.startswith(b"\x93NUMPY"):
        return None
    try:
        shape, by_columns, dtype, start = header_of(head)
    except Exception:  # NumPy lets out whatever the tokenizer under its parser raises
        return None
    fitting = len(shape) == 3 and shape[2] in (1, 2, 3, 4) and 0 not in shape
    fitting = fitting and dtype.newbyteorder("=").name in PEAKS
    return (shape, start, dtype) if fitting and not by_columns else None


def writes_pixels(extension: str, channels: int, dtype: np.dtype = _BYTES) -> bool:
    """Whether `write_pixels` makes that kind of file of a picture with so many channels of that dtype."""
    return extension == ".npy" or (extension in (".ppm", ".pgm") and channels in (1, 3) and dtype.kind == "u")


def write_pixels(
    bands: Iterable[np.ndarray],
    shape: tuple[int, int, int],
    metadata: Mapping[str, bytes],
    file: BinaryIO,
    extension: str,
    dtype: np.dtype = _BYTES,
) -> None:
    """The file that `media.write` makes of a picture (H, W, C), from bands of its rows."""
    if extension == ".npy":
        stored = dtype
        header = {"descr": dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
    else:
        if metadata.get("icc"):
            warnings.warn(f"{extension} files cannot hold the ICC profile; it is left out", stacklevel=3)
        most = PEAKS[dtype.name]
        stored = np.dtype(_STORED[most])
        file.write(b"P%d\n%d %d\n%d\n" % (5 if shape[2] == 1 else 6, shape[1], shape[0], most))
    for band in bands:
        file.write(np.ascontiguousarray(band, stored).data)
