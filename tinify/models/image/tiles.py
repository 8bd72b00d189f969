# SPDX-License-Identifier: Apache-2.0
"""A large picture as tiles, each coded alone: where they lie, and how what two of them say of a sample is blended."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tinify.container import MAX_ELEMENTS, varint
from tinify.errors import ConfigError, FormatError, InputError, LimitError

AUTO_PIXELS = 64_000_000  # pictures of more are cut without being asked
AUTO_SIDE, LEAST_SIDE, MOST_SIDE = 1024, 16, 16384
OVERLAP = 16
Region = tuple[int, int, int, int]


@dataclass(frozen=True)
class Tiles:
    """Tiles at every `side` samples of both directions, each `overlap` more towards the end, as far as there are any.

        rows of tile 0   ├────── side ──────┼─ overlap ─┤
        rows of tile 1                      ├────── side ──────┼─ overlap ─┤
                                            └ both: blended ┘

    What is no more than the overlap at the end of the picture needs no tile of its own. Numbers count row after row.
    """

    height: int
    width: int
    side: int
    overlap: int

    @classmethod
    def of(cls, height: int, width: int, side: int | None, exact: bool, padded: bool = False) -> Tiles | None:
        """The tiles of a picture; None where it is coded as a whole. `side` None: by its size; 0: as a whole.

        `exact`: what comes back does not depend on the tile, so that nothing is to be blended. `padded`: the codec pads
        to multiples, which `side` may be one of, so that it counts the overlap in. ConfigError.
        """
        if side is None:
            side = AUTO_SIDE if height * width > AUTO_PIXELS else 0
        if side == 0:
            return None
        if not isinstance(side, int) or not LEAST_SIDE <= side <= MOST_SIDE:
            raise ConfigError(f"tile is {side}; allowed: 0 (none), or {LEAST_SIDE} to {MOST_SIDE} samples")
        overlap = 0 if exact else min(OVERLAP, side // 2)
        tiles = cls(height, width, side - overlap * padded, overlap)
        return None if len(tiles) == 1 else tiles

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of tiles."""
        return _count(self.height, self), _count(self.width, self)

    def __len__(self) -> int:
        rows, columns = self.grid
        return rows * columns

    def rows(self, row: int) -> slice:
        """Samples of the tiles of that row of tiles."""
        return slice(row * self.side, min((row + 1) * self.side + self.overlap, self.height))

    def columns(self, column: int) -> slice:
        """Samples of the tiles of that column of tiles."""
        return slice(column * self.side, min((column + 1) * self.side + self.overlap, self.width))

    def touching(self, region: Region) -> tuple[range, range]:
        """Rows and columns of the tiles that hold samples of (top, left, height, width)."""
        top, left, height, width = region
        return _touching(top, top + height, self.grid[0], self), _touching(left, left + width, self.grid[1], self)

    def scaled(self, scale: int) -> Tiles:
        """The tiles of the picture at 1 / scale of its size. InputError where they do not meet there."""
        if self.side % scale or self.overlap % scale:
            raise InputError(f"scale is {scale}; tiles of {self.side} + {self.overlap} samples do not meet there")
        height, width = -(-self.height // scale), -(-self.width // scale)
        return replace(self, height=height, width=width, side=self.side // scale, overlap=self.overlap // scale)

    def pack(self) -> bytes:
        """The parameters of a file of tiles: side and overlap, as varints."""
        return varint.put(self.side) + varint.put(self.overlap)

    @classmethod
    def unpack(cls, params: bytes, shape: tuple[int, int, int], entries: int) -> Tiles:
        """Undoes `pack`. FormatError unless so many entries are the tiles, LimitError where one is beyond memory."""
        side, position = varint.get(params, 0)
        overlap, position = varint.get(params, position)
        height, width, channels = shape
        if position != len(params) or side < 1 or overlap > side:
            raise FormatError(f"tiles of {side} samples that share {overlap} are not known; the file is damaged")
        tiles = cls(height, width, side, overlap)
        if len(tiles) != entries:
            raise FormatError(f"{entries} tiles of {side} x {side} are not {height} x {width}")
        if min(side + overlap, height) * min(side + overlap, width) * channels > MAX_ELEMENTS:
            raise LimitError(f"a tile of {side + overlap} samples a side has more than {MAX_ELEMENTS} elements")
        return tiles


def whole(height: int, width: int) -> Tiles:
    """A picture that is one tile."""
    return Tiles(height, width, max(height, width), 0)


def checked_region(region: Region | None, height: int, width: int) -> Region:
    """(top, left, height, width), of all where None is given. InputError beyond the picture."""
    if region is None:
        return 0, 0, height, width
    try:
        top, left, rows, columns = (int(number) for number in region)
    except (TypeError, ValueError):
        raise InputError(f"region is {region!r}; give (top, left, height, width)") from None
    if top < 0 or left < 0 or rows < 1 or columns < 1 or top + rows > height or left + columns > width:
        raise InputError(
            f"region of {rows} x {columns} at ({top}, {left}) is not within the picture of {height} x {width}"
        )
    return top, left, rows, columns


def blend(before: np.ndarray, after: np.ndarray, first: int, overlap: int, axis: int) -> np.ndarray:
    """What the earlier and the later tile say, of the samples from number `first` of their overlap on.

    The weight of the later one rises linearly; of whole samples in integers, so that equal ones stay as they are.
    """
    weight = 2 * np.arange(first, first + after.shape[axis], dtype=np.int32) + 1
    weight = weight.reshape(-1, *[1] * (after.ndim - axis - 1))
    if after.dtype == np.float32:
        return before + (after - before) * (weight / np.float32(2 * overlap)).astype(np.float32)
    mixed = before * (2 * overlap - weight) + after * weight + overlap
    return (mixed // (2 * overlap)).astype(after.dtype)


def _count(samples: int, tiles: Tiles) -> int:
    return max(1, -(-(samples - tiles.overlap) // tiles.side))


def _touching(start: int, stop: int, count: int, tiles: Tiles) -> range:
    return range(max(0, (start - tiles.overlap) // tiles.side), min(count - 1, (stop - 1) // tiles.side) + 1)
