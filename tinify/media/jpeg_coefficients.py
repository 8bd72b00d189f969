# SPDX-License-Identifier: Apache-2.0
"""The quantized coefficients of a JPEG file, through jpeglib: every block, also those that only fill up MCUs."""

from __future__ import annotations

import contextlib
import os
import tempfile
from types import ModuleType

import numpy as np

from tinify.container.jpeg_markers import DHT, DQT, DRI, SOS, Frame, Markers
from tinify.errors import InputError, LimitError, MissingExtraError

_LONGEST_SIDE = 65500  # libjpeg's


def read_blocks(data: bytes, markers: Markers) -> list[np.ndarray]:
    """int16 (rows, columns, 64) of each component in whole MCUs, coefficients by rows of vertical frequency.

    Where a scan of one component leaves out the blocks that only fill up its last MCUs, they are of zeros.
    InputError (the coded data are damaged), LimitError, MissingExtraError (without jpeglib).
    """
    frame, library = markers.frame, _library()
    blocks, coded = sum(c.rows * c.columns for c in frame.components), sum(s.end - s.start for s in markers.scans)
    if blocks > 8 * coded:
        raise LimitError(f"the JPEG file declares {blocks} blocks in {coded} coded bytes: it is damaged or cut off")
    real = [(c.real_rows, c.real_columns) for c in frame.components]
    whole = [(c.rows, c.columns) for c in frame.components]
    if real == whole:
        return _read(library, _minimal(data, markers), real)
    # jpeglib leaves out what fills up the last MCUs. Of a frame of whole MCUs nothing does; but scans of one component
    # have blocks of the frame as it is.
    together = [len(scan.components) > 1 for scan in markers.scans]
    full = [np.zeros((*size, 64), np.int16) for size in whole]
    if any(together):
        full = _read(library, _minimal(data, markers, whole=True), whole)
    if not all(together):
        for target, part in zip(full, _read(library, _minimal(data, markers), real), strict=True):
            target[: len(part), : part.shape[1]] = part
    return full


def _library() -> ModuleType:
    try:
        import jpeglib
    except ImportError as error:
        raise MissingExtraError('reading JPEG coefficients needs jpeglib: pip install "tinify-codec[jpeg]"') from error
    return jpeglib


def _minimal(data: bytes, markers: Markers, whole: bool = False) -> bytes:
    """A file of what the coefficients need alone: no metadata to stumble over, and components by plain numbers.

    With `whole`, its size is of whole MCUs, and scans of one component are left out.
    """
    frame, parts = markers.frame, [b"\xff\xd8"]
    scans = {scan.header: scan for scan in markers.scans}
    for marker, start, end in markers.segments:
        contents = data[start:end]
        if marker == SOS:
            scan = scans[start]
            if whole and len(scan.components) == 1:
                continue
            ids = [bytes((index + 1, contents[2 + 2 * i])) for i, index in enumerate(scan.components)]
            contents = contents[:1] + b"".join(ids) + contents[-3:]
            parts.append(_segment(marker, contents) + data[scan.start : scan.end])
        elif start == frame.start:
            parts.append(_segment(marker, _frame(contents, frame, whole)))
        elif marker in (DQT, DHT, DRI):
            parts.append(_segment(marker, contents))
    return b"".join([*parts, b"\xff\xd9"])


def _segment(marker: int, contents: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(contents) + 2).to_bytes(2, "big") + contents


def _frame(contents: bytes, frame: Frame, whole: bool) -> bytes:
    height, width = frame.height, frame.width
    if whole:
        down, across = frame.mcu
        height, width = height + -height % down, width + -width % across
    if max(height, width) > _LONGEST_SIDE:
        raise LimitError(f"the JPEG file is {width}x{height}; at most {_LONGEST_SIDE} are allowed along a side")
    rows = [bytes((i + 1,)) + contents[7 + 3 * i : 9 + 3 * i] for i in range(len(frame.components))]
    return contents[:1] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + contents[5:6] + b"".join(rows)


def _read(library: ModuleType, data: bytes, sizes: list[tuple[int, int]]) -> list[np.ndarray]:
    handle, name = tempfile.mkstemp(suffix=".jpg")
    try:
        with open(handle, "wb") as file:
            file.write(data)
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            picture = library.read_dct(name)
            picture.load()
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(
            f"the coded data of the JPEG file are damaged: libjpeg does not read them ({error})"
        ) from error
    finally:
        os.unlink(name)
    planes = [picture.Y, picture.Cb, picture.Cr, picture.K][: len(sizes)]
    if any(plane is None or plane.shape[:2] != size for plane, size in zip(planes, sizes, strict=True)):
        raise InputError("the coded data of the JPEG file are damaged: libjpeg finds other numbers of blocks")
    return [np.ascontiguousarray(plane, np.int16).reshape(*size, 64) for plane, size in zip(planes, sizes, strict=True)]
