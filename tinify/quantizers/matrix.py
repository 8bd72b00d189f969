# SPDX-License-Identifier: Apache-2.0
"""A step for each frequency of a block: perceptual tables scaled by a quality."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tinify.errors import ConfigError
from tinify.quantizers.deadzone import DeadZone

_SIDE = 8  # of the named tables
_LARGEST_SIDE = 32
_LARGEST = 255  # step, as in the 8-bit tables of baseline JPEG

# fmt: off
TABLES: dict[str, tuple[int, ...]] = {
    "annex-k-luma": (
        16, 11, 10, 16, 24, 40, 51, 61,
        12, 12, 14, 19, 26, 58, 60, 55,
        14, 13, 16, 24, 40, 57, 69, 56,
        14, 17, 22, 29, 51, 87, 80, 62,
        18, 22, 37, 56, 68, 109, 103, 77,
        24, 35, 55, 64, 81, 104, 113, 92,
        49, 64, 78, 87, 103, 121, 120, 101,
        72, 92, 95, 98, 112, 100, 103, 99,
    ),
    "annex-k-chroma": (
        17, 18, 24, 47, 99, 99, 99, 99,
        18, 21, 26, 66, 99, 99, 99, 99,
        24, 26, 56, 99, 99, 99, 99, 99,
        47, 66, 99, 99, 99, 99, 99, 99,
        99, 99, 99, 99, 99, 99, 99, 99,
        99, 99, 99, 99, 99, 99, 99, 99,
        99, 99, 99, 99, 99, 99, 99, 99,
        99, 99, 99, 99, 99, 99, 99, 99,
    ),
    "flat": (16,) * _SIDE**2,
}
# fmt: on
"""Steps at quality 50 of samples from 0 to 255, rows of vertical frequency. Source: ITU-T T.81, tables K.1 and K.2."""

ANNEX_K = ("annex-k-luma", "annex-k-chroma", "annex-k-chroma")


class Matrix(DeadZone):
    """A `DeadZone` for the planes of a block transform: y (..., C size^2, h, w), as `block-dct` gives them.

        step of channel c, frequency (v, u) = unit * clip(floor((table_c[v, u] * scale + 50) / 100), 1, 255)
        scale = 5000 / quality, rounded down, below quality 50; else 200 - 2 quality              (libjpeg's)

    `tables`, one for each channel: names of `TABLES`, or own ones of size x size whole numbers by rows. A named table
    serves other sizes than 8 x 8 by interpolation between equal frequencies. `unit` is what a step of 1 is in y: 1
    where samples go from 0 to 255, 1 / 255 where they go to 1. threshold 0.5 rounds as JPEG encoders do.

    Source: ITU-T T.81, annex K.1; the scale is that of the Independent JPEG Group's library.
    """

    def __init__(
        self,
        tables: Sequence[str | Sequence] = ANNEX_K,
        quality: int = 75,
        size: int = _SIDE,
        unit: float = 1.0,
        threshold: float = 0.5,
        groups: int = 1,
    ):
        if isinstance(tables, str) or not tables or not 1 <= size <= _LARGEST_SIDE or not unit > 0:
            raise ConfigError(
                f"tables are {tables!r}, size {size}, unit {unit}; allowed: a list of tables, a size from 1 to "
                f"{_LARGEST_SIDE}, a positive unit"
            )
        entries = torch.stack([_table(table, int(size)) for table in tables])
        steps = _scaled(entries, quality).flatten() * float(unit)
        super().__init__(steps.tolist(), threshold, groups)
        self.size, self.unit, self.quality = int(size), float(unit), int(quality)
        self.register_buffer("entries", entries, persistent=False)

    def table(self, quality: int | None = None) -> Tensor:
        """The tables (C, size, size) int64 at a quality from 1 to 100, the own one unless given."""
        return _scaled(self.entries, self.quality if quality is None else quality)

    def step_of(self, quality: int) -> Tensor:
        """The steps (C size^2, 1, 1) at a quality, which `quantize` and `dequantize` take."""
        return (self.table(quality) * self.unit).view(-1, 1, 1)


def _scaled(entries: Tensor, quality: int) -> Tensor:
    if quality not in range(1, 101):
        raise ConfigError(f"quality is {quality}; allowed: whole numbers from 1 to 100")
    scale = 5000 // int(quality) if quality < 50 else 200 - 2 * int(quality)
    return ((entries * scale + 50) // 100).clamp(1, _LARGEST)


def _table(table: str | Sequence, size: int) -> Tensor:
    """int64 (size, size) of a name or of size^2 numbers, in rows or not."""
    if isinstance(table, str):
        if table not in TABLES:
            raise ConfigError(f"table {table!r}; allowed: {', '.join(map(repr, TABLES))}, or numbers")
        return _resized(torch.tensor(TABLES[table]).view(_SIDE, _SIDE), size)
    try:
        entries = torch.tensor(table)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise ConfigError(f"a table of {size} x {size} whole numbers was expected: {error}") from error
    if entries.is_floating_point() or entries.numel() != size**2 or entries.min() < 1 or entries.max() >= 1 << 16:
        raise ConfigError(
            f"a table of shape {tuple(entries.shape)} and {entries.dtype}; allowed: {size} x {size} whole numbers from "
            "1 to 65535"
        )
    return entries.long().view(size, size)


def _resized(table: Tensor, size: int) -> Tensor:
    """The same steps at the same frequencies, in between linearly; the last ones also beyond it. All in integers."""
    place = torch.arange(size) * _SIDE  # in units of 1 / size entries
    below = (place // size).clamp(max=_SIDE - 1)
    above, share = (below + 1).clamp(max=_SIDE - 1), place % size
    rows = table[below] * (size - share)[:, None] + table[above] * share[:, None]
    both = rows[:, below] * (size - share) + rows[:, above] * share
    return (2 * both + size**2) // (2 * size**2)
