# SPDX-License-Identifier: Apache-2.0
"""The integers of a series on grids, in a stream: what each is expected to be near, then context mixing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tinify.container import pack_strings, unpack_strings
from tinify.entropy_models.context_mixing import GridMixing
from tinify.errors import FormatError
from tinify.models.series.grid_predictions import Predictions, find_predictions
from tinify.models.series.grids import BASE, DECIMAL, FREE, INTEGER, MOST_K, PHASES, Grid, step_of
from tinify.models.series.likeness import pack_reference, reference_of, unpack_reference

if TYPE_CHECKING:
    from tinify.models.series.files import SeriesFiles
    from tinify.models.series.fitted import Fitted

_OWN = b"\x01"  # in place of a reference, which never has one byte
_MOST_WEIGHT = 1 << 22  # 64; a channel that would count for more is too coarse to predict another


@dataclass(frozen=True)
class GridCoding:
    """The codec's own mixing, with what training taught it, or one that knows nothing yet.

        k (T, C') ──► - centre ──► GridMixing(reference, features) ──► payload

    Features and centres are none; or `found` in the series and stored with it; or, with `own`, those of a codec that
    is fitted to the channels.
    """

    mixing: GridMixing
    fitted: Fitted | None
    own: bool = False
    found: Predictions | None = None

    @classmethod
    def of(cls, codec: SeriesFiles, channels: int) -> GridCoding:
        mixing, fitted = getattr(codec, "grid", None), getattr(codec, "fitted", None)
        usable = fitted is not None and fitted.channels == channels and fitted.predictions() is not None
        return cls(mixing if isinstance(mixing, GridMixing) else GridMixing(), fitted if usable else None)

    def options(self, k: np.ndarray, grids: list[Grid]) -> list[GridCoding]:
        """All ways to code that there are for k (T, C') on grids none of which is around a base."""
        found = find_predictions(k) if k.size else None
        options = [self] if found is None else [self, replace(self, found=_spread(found, grids))]
        return options if self.fitted is None else [*options, replace(self, own=True)]

    def cost(self, k: np.ndarray, grids: list[Grid]) -> float:
        """Bits; infinite where it cannot be."""
        side = self._side(grids)
        off = k - side.centre
        return self.mixing.cost(off, self._reference(k, grids), _features(side)) if _codable(off) else float("inf")

    def stored_bits(self, grids: list[Grid]) -> int:
        """Of the predictions that were found."""
        return 0 if self.found is None else 8 * len(self._side(grids).pack())

    def encode(self, k: np.ndarray, grids: list[Grid]) -> bytes:
        """The payload of k."""
        side, reference = self._side(grids), self._reference(k, grids)
        off = k - side.centre
        if not _codable(off):
            return replace(self, own=False, found=None).encode(k, grids)
        stored = [[side.pack()]] if self.found is not None else []
        stream = self.mixing.encode(off, reference, _features(side))
        return pack_strings([[_OWN if self.own else pack_reference(reference)], *stored, [stream]])

    def decode(self, payload: bytes, rows: int, grids: list[Grid]) -> np.ndarray:
        """k (rows, C') int64. FormatError, DesyncError."""
        strings = unpack_strings(payload)
        if not 2 <= len(strings) <= 3 or any(len(stream) != 1 for stream in strings):
            raise FormatError(f"{len(strings)} strings; a series within an error bound has 2 or 3")
        head, width = strings[0][0], sum(grid.has_k for grid in grids)
        own = replace(self, own=head == _OWN)
        if own.own and self.fitted is None:
            raise FormatError("the file relies on predictions of a codec that is fitted to its channels")
        reference = own._own_reference(grids) if own.own else unpack_reference(head, width)
        side = own._side(grids) if len(strings) == 2 else Predictions.unpack(strings[1][0], width)
        return self.mixing.decode(strings[-1][0], (rows, width), reference, _features(side)) + side.centre

    def _reference(self, k: np.ndarray, grids: list[Grid]) -> np.ndarray:
        return self._own_reference(grids) if self.own else reference_of(k)

    def _own_reference(self, grids: list[Grid]) -> np.ndarray:
        known, column = self.fitted.reference.tolist(), _columns(grids)
        return np.array([column[r] if r >= 0 else -1 for r, c in zip(known, column, strict=True) if c >= 0], np.int32)

    def _side(self, grids: list[Grid]) -> Predictions:
        """Those of the channels that have integers, in order; what is left over by a base has mean 0."""
        known = _in_steps(self.fitted, grids) if self.own else self.found
        column, first, rows = _columns(grids), [0], []
        for c, grid in enumerate(grids):
            if grid.has_k:
                if grid.kind == BASE:
                    rows.append((1, column[c], 0))
                elif known is not None:
                    rows += _moved(known.table[known.first[c] : known.first[c + 1]].tolist(), column, grids)
                first.append(len(rows))
        centre = [
            0 if known is None or grid.kind == BASE else known.centre[c] for c, grid in enumerate(grids) if grid.has_k
        ]
        table = np.array(rows, np.int32).reshape(-1, 3)
        return Predictions(np.array(first, np.int32), table, np.array(centre, np.int64))


def _features(side: Predictions) -> tuple[np.ndarray, np.ndarray] | None:
    return (side.first, side.table) if len(side.table) else None


def _columns(grids: list[Grid]) -> list[int]:
    """Which of the integers are a channel's; -1 where it has none."""
    at = np.cumsum([grid.has_k for grid in grids]) - 1
    return [int(at[c]) if grid.has_k else -1 for c, grid in enumerate(grids)]


def _moved(features: list[list[int]], column: list[int], grids: list[Grid]) -> list[tuple[int, int, int]]:
    usable = [feature for feature in features if column[feature[1]] >= 0 and grids[feature[1]].kind != BASE]
    return [(lag, column[channel], weight) for lag, channel, weight in usable]


def _spread(found: Predictions, grids: list[Grid]) -> Predictions:
    """From channels that have integers to all."""
    named = np.array([c for c, grid in enumerate(grids) if grid.has_k])
    counts, centre = np.zeros(len(grids), np.int64), np.zeros(len(grids), np.int64)
    counts[named], centre[named] = np.diff(found.first), found.centre
    table = found.table.copy()
    table[:, 1] = named[table[:, 1]]
    return Predictions(np.concatenate([[0], np.cumsum(counts)]), table, centre)


def _in_steps(fitted: Fitted, grids: list[Grid]) -> Predictions:
    """A codec's predictions of normalised channels, with weights in units of the steps of the grids."""
    first, table = fitted.predictions()
    places = [_place(grid, *at) for grid, *at in zip(grids, fitted.offset.tolist(), fitted.scale.tolist(), strict=True)]
    rows, ends = [], [0]
    for c, place in enumerate(places):
        for lag, channel, weight in table[first[c] : first[c + 1]].tolist() if place else ():
            source = places[channel]
            moved = np.rint(weight * (source[0] / place[0])) if source else 0
            if 0 < abs(moved) <= _MOST_WEIGHT:
                rows.append((lag, channel, int(moved)))
        ends.append(len(rows))
    centre = np.array([place[1] if place else 0 for place in places], np.int64)
    return Predictions(np.array(ends, np.int32), np.array(rows, np.int32).reshape(-1, 3), centre)


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


def _codable(k: np.ndarray) -> bool:
    return not k.size or int(np.abs(k).max()) <= MOST_K
