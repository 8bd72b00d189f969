# SPDX-License-Identifier: Apache-2.0
"""How a series is coded within an error bound: which channels have a base, of which quality, what predicts the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tinify.models.series.bound_base import Base, BaseMaker
from tinify.models.series.grid_choice import base_grid_of
from tinify.models.series.grid_coding import GridCoding
from tinify.models.series.grids import DECIMAL, VERBATIM, Grid
from tinify.models.series.on_grids import Series, on_grids

if TYPE_CHECKING:
    from tinify.models.series.files import SeriesFiles

_FIRST_VALUES, _VALUES = 1 << 12, 1 << 14  # of each part of a first look, and of a second
_HOPEFUL = 1.25  # times the cost of the grids alone: what at a first look costs more is dropped
_ROWS = 256  # of a part, multiples of these
_MOST_ALONE = 8  # channels that are also judged one by one
_NONE = Grid(VERBATIM)


@dataclass(frozen=True)
class Way:
    """How a series is coded: its base, its grids with it, and how their integers are."""

    base: Base | None
    grids: list[Grid]
    coding: GridCoding


def choose_ways(codec: SeriesFiles, series: Series, grids: list[Grid], quality: float | None) -> list[Way]:
    """What costs least on a part of the series, and, where that is another, the grids alone: a part may mislead."""
    around = [_around(series, c, grid) for c, grid in enumerate(grids)]
    possible = np.array([grid is not None for grid in around], bool)
    plain = Way(None, grids, GridCoding.of(codec, len(grids)))
    trial = _Trial(series, grids, around, plain.coding)
    way = Way(None, grids, trial.coding)
    maker = BaseMaker.of(codec, series) if possible.any() else None
    if maker is not None and (possible.all() or not maker.own):
        trial.maker = maker
        chosen, quality = trial.choose(possible, maker.qualities(possible) if quality is None else (quality,))
        if chosen.any():
            way = Way(maker.make(slice(None), chosen, quality), trial.grids_with(chosen), trial.coding)
    return [plain] if way.base is None and way.coding is plain.coding else [way, plain]


def _around(series: Series, c: int, grid: Grid) -> Grid | None:
    if not grid.has_k or series.eps[c] == 0 or (series.text and grid.kind == DECIMAL):
        return None
    return base_grid_of(series.numbers(c), float(series.eps[c]), series.text)


class _Trial:
    """Costs, in bits, of a part of the series with bases of some channels."""

    def __init__(self, series: Series, grids: list[Grid], around: list[Grid | None], coding: GridCoding):
        self.series, self.grids, self.around = series, grids, around
        self.maker: BaseMaker | None = None
        rows, channels = series.samples.shape
        self.first = _parts(rows, _FIRST_VALUES // channels)
        self.parts = _parts(rows, _VALUES // channels)
        self.nothing = np.zeros(len(grids), bool)
        self.coding = coding
        options = coding.options(on_grids(series, grids).k, grids)
        if len(options) > 1:
            share = sum(part.stop - part.start for part in self.parts) / rows
            self.coding = min(
                options,
                key=lambda one: share * one.stored_bits(grids) + self.cost(self.nothing, 0.0, self.parts, coding=one),
            )

    def choose(self, possible: np.ndarray, qualities: tuple[float, ...]) -> tuple[np.ndarray, float]:
        """`(channels that have a base, quality)`; no channels where that does not pay."""
        most = _HOPEFUL * self.cost(self.nothing, 0.0, self.first)
        costs = {quality: self.cost(possible, quality, self.first) for quality in qualities}
        quality = min(costs, key=costs.__getitem__)
        options = [possible] if costs[quality] < most else []
        if 2 <= len(possible) <= _MOST_ALONE and self.maker and not self.maker.own:
            some = self._cheaper_alone(possible, quality)
            options += [some] if some.any() and not (some == possible).all() else []
        if not options:
            return self.nothing, quality
        return min([self.nothing, *options], key=lambda chosen: self.cost(chosen, quality, self.parts)), quality

    def cost(
        self,
        chosen: np.ndarray,
        quality: float,
        parts: list[slice],
        only: int | None = None,
        coding: GridCoding | None = None,
    ) -> float:
        """Of all channels, or one, where those chosen, and none beside, have a base."""
        bits, grids, coding = 0.0, self.grids_with(chosen), coding or self.coding
        if only is not None:
            grids = [grid if c == only else _NONE for c, grid in enumerate(grids)]
        channels = slice(None) if only is None else slice(only, only + 1)
        for rows in parts:
            y_hat = None
            if chosen.any() and self.maker:
                base = self.maker.make(rows, chosen, quality)
                bits += 8 * len(base.data)
                y_hat = base.y_hat[:, channels]
            found = on_grids(self.series.part(rows, channels), grids[channels], y_hat)
            bits += np.count_nonzero(found.missed) * 8 * (self.series.samples.itemsize + 1)
            if found.k.size:
                bits += coding.cost(found.k, grids)
        return bits

    def grids_with(self, chosen: np.ndarray) -> list[Grid]:
        return [a if c else g for g, a, c in zip(self.grids, self.around, chosen, strict=True)]

    def _cheaper_alone(self, possible: np.ndarray, quality: float) -> np.ndarray:
        better = np.zeros_like(possible)
        for c in np.flatnonzero(possible):
            only = np.arange(len(possible)) == c
            better[c] = self.cost(only, quality, self.first, int(c)) < self.cost(self.nothing, 0.0, self.first, int(c))
        return better


def _parts(rows: int, part: int) -> list[slice]:
    """Two ranges of rows, which begin where blocks of a codec may; or all."""
    part = max(_ROWS, part // _ROWS * _ROWS)
    if rows <= 2 * part:
        return [slice(0, rows)]
    starts = [(rows - part) * quarter // 4 // _ROWS * _ROWS for quarter in (1, 3)]
    return [slice(start, start + part) for start in starts]
