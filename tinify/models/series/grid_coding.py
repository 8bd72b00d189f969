# SPDX-License-Identifier: Apache-2.0
"""The integers of a series on grids, in a stream: what each is expected to be near, then context mixing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tinify.container import pack_strings, unpack_strings
from tinify.entropy_models.context_mixing import GridMixing
from tinify.errors import FormatError
from tinify.models.series.grids import BASE, DECIMAL, FREE, INTEGER, MOST_K, PHASES, Grid, step_of
from tinify.models.series.likeness import pack_reference, reference_of, unpack_reference

if TYPE_CHECKING:
    from tinify.models.series.files import SeriesFiles
    from tinify.models.series.fitted import Fitted

_OWN = b"\x01"  # in place of a reference, which never has one byte
_MOST_WEIGHT = 1 << 22  # 64; a channel that would count for more is too coarse to predict another


@dataclass(frozen=True)
class Side:
    """What both sides know before the integers (T, C'): `reference` and `features` as `GridMixing` takes them, and
    `centre` (C',), which is taken off first."""

    reference: np.ndarray
    features: tuple[np.ndarray, np.ndarray] | None
    centre: np.ndarray


@dataclass(frozen=True)
class GridCoding:
    """The codec's own mixing, with what training taught it, or one that knows nothing yet.

        k (T, C') ──► - centre ──► GridMixing(reference, features) ──► payload

    With `own`, the companions and linear predictions of a codec that is fitted to the channels, in units of the grids.
    """

    mixing: GridMixing
    fitted: Fitted | None
    own: bool = False

    @classmethod
    def of(cls, codec: SeriesFiles, channels: int) -> GridCoding:
        mixing, fitted = getattr(codec, "grid", None), getattr(codec, "fitted", None)
        usable = fitted is not None and fitted.channels == channels and fitted.predictions() is not None
        return cls(mixing if isinstance(mixing, GridMixing) else GridMixing(), fitted if usable else None)

    def options(self) -> list[GridCoding]:
        """All ways to code that there are."""
        return [self] if self.fitted is None else [self, replace(self, own=True)]

    def cost(self, k: np.ndarray, grids: list[Grid]) -> float:
        """Bits; infinite where it cannot be."""
        side = self._side(k, grids)
        off = k - side.centre
        return self.mixing.cost(off, side.reference, side.features) if _codable(off) else float("inf")

    def encode(self, k: np.ndarray, grids: list[Grid]) -> bytes:
        """The payload of k."""
        side = self._side(k, grids)
        off = k - side.centre
        if not _codable(off):
            return replace(self, own=False).encode(k, grids)
        head = _OWN if self.own else pack_reference(side.reference)
        return pack_strings([[head], [self.mixing.encode(off, side.reference, side.features)]])

    def decode(self, payload: bytes, rows: int, grids: list[Grid]) -> np.ndarray:
        """k (rows, C') int64. FormatError, DesyncError."""
        strings = unpack_strings(payload)
        if [len(stream) for stream in strings] != [1, 1]:
            raise FormatError(f"{len(strings)} strings; a series within an error bound has 2")
        head, stream = strings[0][0], strings[1][0]
        width = sum(grid.has_k for grid in grids)
        if head == _OWN:
            if self.fitted is None:
                raise FormatError("the file relies on predictions of a codec that is fitted to its channels")
            side = own_side(self.fitted, grids)
        else:
            side = Side(unpack_reference(head, width), base_features(grids), np.zeros(width, np.int64))
        return self.mixing.decode(stream, (rows, width), side.reference, side.features).astype(np.int64) + side.centre

    def _side(self, k: np.ndarray, grids: list[Grid]) -> Side:
        if self.own and self.fitted is not None:
            return own_side(self.fitted, grids)
        return Side(reference_of(k), base_features(grids), np.zeros(k.shape[1], np.int64))


def base_features(grids: list[Grid]) -> tuple[np.ndarray, np.ndarray] | None:
    """Predictions for the integers of the grids: what a base leaves has mean 0, not the mean of its past."""
    based = [grid.kind == BASE for grid in grids if grid.has_k]
    if not any(based):
        return None
    first = np.concatenate([[0], np.cumsum(based)]).astype(np.int32)
    return first, np.array([(1, c, 0) for c in np.flatnonzero(based)], np.int32)


def own_side(fitted: Fitted, grids: list[Grid]) -> Side:
    """The predictions of a codec for normalised channels, for integers: weights in units of the steps of the grids."""
    known = fitted.predictions()
    column = np.cumsum([grid.has_k for grid in grids]) - 1
    places = [_place(grid, *at) for grid, *at in zip(grids, fitted.offset.tolist(), fitted.scale.tolist(), strict=True)]
    rows, first = [], [0]
    for c, grid in enumerate(grids):
        if not grid.has_k:
            continue
        if grid.kind == BASE:
            rows.append((1, int(column[c]), 0))
        elif places[c] is not None and known is not None:
            rows += _in_steps(known[1][known[0][c] : known[0][c + 1]], c, places, column)
        first.append(len(rows))
    reference = [fitted.reference[c].item() for c, grid in enumerate(grids) if grid.has_k]
    reference = [int(column[r]) if r >= 0 and grids[r].has_k else -1 for r in reference]
    centre = [0 if place is None else place[1] for place, grid in zip(places, grids, strict=True) if grid.has_k]
    table = np.array(rows, np.int32).reshape(-1, 3)
    return Side(np.array(reference, np.int32), (np.array(first, np.int32), table), np.array(centre, np.int64))


def _place(grid: Grid, offset: float, scale: float) -> tuple[float, int] | None:
    """(step of the grid in units of the scale, integer nearest the offset); None where integers are no multiples."""
    if grid.kind == FREE:
        step, start = step_of(grid.numbers[0]), grid.numbers[1] / PHASES
    elif grid.kind == DECIMAL:
        step, start = grid.numbers[1] / 10.0 ** grid.numbers[0], grid.numbers[2] / grid.numbers[1]
    elif grid.kind == INTEGER and grid.sample is not None:
        step = float(grid.numbers[0])
        start = float(grid.sample) / step
    else:
        return None
    unit, middle = step / scale, np.rint(offset / step) - start
    if not (1e-30 < unit < 1e30 and abs(middle) <= MOST_K):
        return None
    return unit, int(np.rint(middle))


def _in_steps(features: np.ndarray, c: int, places: list, column: np.ndarray) -> list[tuple[int, int, int]]:
    found = []
    for lag, channel, weight in features.tolist():
        if places[channel] is None:
            continue
        moved = np.rint(weight * (places[channel][0] / places[c][0]))
        if 0 < abs(moved) <= _MOST_WEIGHT:
            found.append((lag, int(column[channel]), int(moved)))
    return found


def _codable(k: np.ndarray) -> bool:
    return not k.size or int(np.abs(k).max()) <= MOST_K
