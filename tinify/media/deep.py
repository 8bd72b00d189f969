# SPDX-License-Identifier: Apache-2.0
"""Pictures of 16 bits a channel, of which Pillow keeps the upper 8 where there are colours."""

from __future__ import annotations

import re
import struct
import sys
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from tinify.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

_COLOURS = re.compile(r"(RGBA?);16([BLN])")
_OTHER = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
_SPACE = rb"(?:\s|#[^\r\n]*[\r\n])+"
PNM = re.compile(rb"P([56])" + _SPACE + _SPACE.join([rb"(\d{1,9})"] * 3) + rb"\s", re.A)
_PNG_KINDS = {1: 0, 2: 4, 3: 2, 4: 6}


def lower_bytes(image: Image) -> bool:
    """Makes Pillow's picture of colours with 16 bits, which is not yet loaded, give the lower bytes instead of the
    upper ones. False where it has no 16 bits, or Pillow cannot."""
    tiles = []
    for tile in getattr(image, "tile", ()):
        args = tile.args if isinstance(tile.args, tuple) else (tile.args,)
        found = _COLOURS.fullmatch(str(args[0]))
        if found is None or found[1] != image.mode:
            return False
        args = (f"{found[1]};16{_OTHER[found[2]]}", *args[1:])
        tiles.append(tile._replace(args=args if isinstance(tile.args, tuple) else args[0]))
    image.tile = tiles
    return bool(tiles) and "transparency" not in image.info


def read_colours(opened: Callable[[], Image]) -> np.ndarray | None:
    """(H, W, 3 or 4) uint16 of a picture that `opened` opens anew each time, upright; None as of `lower_bytes`."""
    from PIL import ImageOps

    low, high = opened(), opened()
    if not lower_bytes(low):
        return None
    high, low = (np.asarray(ImageOps.exif_transpose(half), np.uint16) for half in (high, low))
    return high << 8 | low


def read_pnm(data: bytes) -> np.ndarray | None:
    """(H, W, 1 or 3) uint16 of a binary PGM or PPM of more than 8 bits, scaled to all 16; None of any other file."""
    found = PNM.match(data)
    if found is None:
        return None
    width, height, most = (int(number) for number in found.groups()[1:])
    if not 255 < most < 1 << 16 or not width or not height:
        return None
    shape = (height, width, 1 if found[1] == b"5" else 3)
    if 2 * height * width * shape[2] > len(data) - found.end():
        raise InputError("the picture is cut off")
    samples = np.frombuffer(data, ">u2", height * width * shape[2], found.end()).reshape(shape)
    if most == 65535:
        return samples.astype(np.uint16)
    return ((samples.clip(max=most).astype(np.uint32) * 65535 + most // 2) // most).astype(np.uint16)


def write_pnm(samples: np.ndarray, file: BinaryIO) -> None:
    """A PGM or PPM of (H, W, 1 or 3) uint16."""
    height, width, channels = samples.shape
    file.write(b"P%d\n%d %d\n65535\n" % (5 if channels == 1 else 6, width, height))
    file.write(samples.astype(">u2").tobytes())


def write_png(samples: np.ndarray, profile: bytes | None, file: BinaryIO) -> None:
    """A PNG of (H, W, 1 to 4) uint16, with its ICC profile."""
    height, width, channels = samples.shape
    file.write(b"\x89PNG\r\n\x1a\n")
    _chunk(file, b"IHDR", struct.pack(">IIBBBBB", width, height, 16, _PNG_KINDS[channels], 0, 0, 0))
    if profile:
        _chunk(file, b"iCCP", b"icc\0\0" + zlib.compress(profile, 9))
    packer, above = zlib.compressobj(6), np.zeros((width, 2 * channels), np.int16)
    packed = []
    for row in samples.astype(">u2").view(np.uint8).reshape(height, width, 2 * channels).astype(np.int16):
        packed.append(packer.compress(_filtered(row, above)))
        above = row
    _chunk(file, b"IDAT", b"".join(packed) + packer.flush())
    _chunk(file, b"IEND", b"")


def _filtered(row: np.ndarray, above: np.ndarray) -> bytes:
    """The filter of PNG, of none, left, above and Paeth's, that leaves the smallest numbers."""
    left, corner = (np.concatenate((np.zeros_like(x[:1]), x[:-1])) for x in (row, above))
    by = [np.abs(above - corner), np.abs(left - corner), np.abs(left + above - 2 * corner)]
    paeth = np.where((by[0] <= by[1]) & (by[0] <= by[2]), left, np.where(by[1] <= by[2], above, corner))
    guesses = {0: np.zeros_like(row), 1: left, 2: above, 4: paeth}
    rows = {number: (row - guess).astype(np.uint8) for number, guess in guesses.items()}
    best = min(rows, key=lambda number: int(np.abs(rows[number].view(np.int8).astype(int)).sum()))
    return bytes([best]) + rows[best].tobytes()


def _chunk(file: BinaryIO, name: bytes, data: bytes) -> None:
    file.write(struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)))
