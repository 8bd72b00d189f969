# SPDX-License-Identifier: Apache-2.0
"""JPEG files as coefficients and what else it takes to write them again, byte for byte.

photo.jpg --split--> skeleton (all but coded bytes), blocks of coefficients, details --join--> photo.jpg

details: varint bytes of the file, their CRC-32, flags (1: filling bits are 1; 2: filling blocks are among the
blocks, else as libjpeg makes them), then corrections: varint bytes to keep, to drop, to insert, and these
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np

from tinify import _core
from tinify.container import varint
from tinify.container.jpeg_markers import Component, Markers, Scan, parse
from tinify.errors import FormatError, InputError, LimitError, TinifyError
from tinify.media.jpeg_coefficients import read_blocks

_ONES, _WITH_FILLING = 1, 2
_HEAD = struct.Struct("<IB")
_MOST_CORRECTED = 64  # bytes, or 1 in 64 of the file
MAX_FILE = 1 << 31


@dataclass(frozen=True)
class JpegParts:
    """skeleton: the file without coded bytes; blocks: int16 (rows, columns, 64) of each component, frequencies by rows,
    without those that only fill up MCUs where libjpeg's rule gives them; details: the rest, in its own form."""

    skeleton: bytes
    blocks: tuple[np.ndarray, ...]
    details: bytes


def split(data: bytes) -> JpegParts:
    """Takes a JPEG file apart, and makes sure that `join` gives the same bytes.

    InputError says which part cannot be kept: another kind of JPEG, damaged or cut-off data, an encoder whose coded
    bytes differ from libjpeg's by more than a few. MissingExtraError without jpeglib. LimitError.
    """
    try:
        markers = parse(data)
        full = read_blocks(data, markers)
    except LimitError:
        raise
    except FormatError as error:
        raise InputError(f"{error}; `tinify compress` takes pictures of every kind") from error
    skeleton, blocks = _skeleton(data, markers), [b[: c.real_rows, : c.real_columns] for b, c in _each(full, markers)]
    flags = 0
    if any(not np.array_equal(b, _filled(a, c)) for a, (b, c) in zip(blocks, _each(full, markers), strict=True)):
        flags, blocks = _WITH_FILLING, full
    ones, corrections = _ONES, _correction(data, markers, full, _ONES)
    if corrections:
        others = _correction(data, markers, full, 0)
        ones, corrections = (0, others) if len(others) < len(corrections) else (ones, corrections)
    if len(corrections) > max(_MOST_CORRECTED, len(data) // 64):
        raise InputError(_difference(data, markers, full))
    head = varint.put(len(data)) + _HEAD.pack(zlib.crc32(data), flags | ones)
    return JpegParts(skeleton, tuple(np.ascontiguousarray(b) for b in blocks), head + corrections)


def join(parts: JpegParts) -> bytes:
    """The file of its parts. FormatError (the parts do not fit, or give other bytes than the file had), LimitError."""
    markers = parse(parts.skeleton, skeleton=True)
    size, place = varint.get(parts.details, 0)
    if size > MAX_FILE:
        raise LimitError(f"the JPEG file is to have {size} bytes; at most {MAX_FILE} are allowed")
    if len(parts.details) < place + _HEAD.size:
        raise FormatError("the details of the JPEG file are cut off")
    blocks = sum(component.rows * component.columns for component in markers.frame.components)
    if blocks > 8 * size:
        raise LimitError(f"the JPEG file is to have {blocks} blocks in {size} bytes")
    crc, flags = _HEAD.unpack_from(parts.details, place)
    corrections = parts.details[place + _HEAD.size :]
    components = markers.frame.components
    wanted = [(c.rows, c.columns) if flags & _WITH_FILLING else (c.real_rows, c.real_columns) for c in components]
    if [block.shape for block in parts.blocks] != [(*size, 64) for size in wanted]:
        raise FormatError(f"blocks of shapes {[b.shape for b in parts.blocks]}; the frame of the JPEG has {wanted}")
    full = [b if flags & _WITH_FILLING else _filled(b, c) for b, c in _each(parts.blocks, markers)]
    data = _corrected(_written(parts.skeleton, markers, full, flags & _ONES, 2 * size + 1024), corrections)
    if len(data) != size or zlib.crc32(data) != crc:
        raise FormatError("the JPEG file that comes out is not the one that was packed: damaged, or of another version")
    return data


def _each(blocks: list | tuple, markers: Markers):
    return zip(blocks, markers.frame.components, strict=True)


def _skeleton(data: bytes, markers: Markers) -> bytes:
    edges = [0, *(place for scan in markers.scans for place in (scan.start, scan.end)), len(data)]
    return b"".join(data[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True))


def _filled(blocks: np.ndarray, component: Component) -> np.ndarray:
    """Blocks in whole MCUs. Those beyond the picture have the DC of the block before them in their MCU and no AC."""
    rows, columns = blocks.shape[:2]
    full = np.zeros((component.rows, component.columns, 64), np.int16)
    full[:rows, :columns] = blocks
    full[:rows, columns:, 0] = full[:rows, columns - 1 : columns, 0]
    for row in range(rows, component.rows):
        full[row, :, 0] = np.repeat(full[row - 1, component.across - 1 :: component.across, 0], component.across)
    return full


def _written(skeleton: bytes, markers: Markers, full: list[np.ndarray], ones: int, limit: int) -> bytes:
    """The file as libjpeg would write it; `markers` are of the skeleton."""
    parts, last = [], 0
    for scan in markers.scans:
        coded = _coded(markers, scan, full, ones, limit)
        limit -= len(coded)
        parts += [skeleton[last : scan.start], coded]
        last = scan.start
    return b"".join([*parts, skeleton[last:]])


def _coded(markers: Markers, scan: Scan, full: list[np.ndarray], ones: int, limit: int) -> bytes:
    chosen = [markers.frame.components[index] for index in scan.components]
    sizes = [(c.real_rows, c.real_columns, c.down, c.across) for c in chosen]
    blocks = [full[index] for index in scan.components]
    progressive = markers.frame.progressive
    return _core.jpeg_scan(
        blocks, sizes, scan.dc, scan.ac, scan.band, progressive, scan.restart, bool(ones), max(limit, 0)
    )


def _correction(data: bytes, markers: Markers, full: list[np.ndarray], ones: int) -> bytes:
    """The corrections of the file as libjpeg would write it. InputError where it cannot."""
    skeleton = _skeleton(data, markers)
    try:
        written = _written(skeleton, parse(skeleton, skeleton=True), full, ones, 2 * len(data) + 1024)
    except TinifyError as error:
        raise InputError(f"the coded data of the JPEG file are damaged or unusual: {error}") from error
    return _corrections(written, data)


def _corrections(written: bytes, data: bytes) -> bytes:
    """What turns `written` into `data`: runs to keep, to drop and to insert."""
    if written == data:
        return b""
    if len(written) == len(data):
        return _of_equal_length(written, data)
    ours, theirs = (np.frombuffer(each, np.uint8) for each in (written, data))
    short = min(len(ours), len(theirs))
    same = ours[:short] == theirs[:short]
    front = short if same.all() else int(same.argmin())
    same = ours[len(ours) - short + front :][::-1] == theirs[len(theirs) - short + front :][::-1]
    back = len(same) if same.all() else int(same.argmin())
    inserted = data[front : len(data) - back]
    return b"".join(map(varint.put, (front, len(written) - back - front, len(inserted)))) + inserted


def _of_equal_length(written: bytes, data: bytes) -> bytes:
    places = np.flatnonzero(np.frombuffer(written, np.uint8) != np.frombuffer(data, np.uint8))
    out, last = [], 0
    for place in places[: len(data) // 64 + _MOST_CORRECTED].tolist():
        out += [varint.put(place - last), b"\1\1", data[place : place + 1]]
        last = place + 1
    return b"".join(out)


def _corrected(written: bytes, corrections: bytes) -> bytes:
    parts, done, place = [], 0, 0
    while place < len(corrections):
        keep, place = varint.get(corrections, place)
        drop, place = varint.get(corrections, place)
        insert, place = varint.get(corrections, place)
        if keep + drop > len(written) - done or insert > len(corrections) - place:
            raise FormatError("the corrections of the JPEG file are damaged")
        parts += [written[done : done + keep], corrections[place : place + insert]]
        done, place = done + keep + drop, place + insert
    return b"".join([*parts, written[done:]])


def _difference(data: bytes, markers: Markers, full: list[np.ndarray]) -> str:
    """Where the first scan that comes out differently does so."""
    for number, scan in enumerate(markers.scans, 1):
        ours, theirs = _coded(markers, scan, full, _ONES, 2 * len(data) + 1024), data[scan.start : scan.end]
        if ours != theirs:
            short = min(len(ours), len(theirs))
            same = np.frombuffer(ours[:short], np.uint8) == np.frombuffer(theirs[:short], np.uint8)
            place = scan.start + (short if same.all() else int(same.argmin()))
            return (
                f"scan {number} of the JPEG file differs from what libjpeg would write, from byte {place} on: it is "
                "damaged or of an unusual encoder, and could not be restored; use `tinify compress`"
            )
    return "the JPEG file mixes ways to fill up bytes, and could not be restored; use `tinify compress`"
