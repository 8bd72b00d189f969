# SPDX-License-Identifier: Apache-2.0
"""Samples as integers on the grids of their channels, and what these integers give back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinify.models.series.error_bound import Limits
from tinify.models.series.gaps import gap_codes, restore_gaps
from tinify.models.series.grid_choice import BASE_MARGIN, integers_of
from tinify.models.series.grids import BASE, DECIMAL, VERBATIM, Grid


@dataclass(frozen=True)
class Series:
    """What is to be coded: samples (T, C), the kind of gap at each (0: none), and the bound eps (C,), see `Limits`."""

    samples: np.ndarray
    codes: np.ndarray
    eps: np.ndarray
    text: bool

    @classmethod
    def of(cls, samples: np.ndarray, limits: Limits) -> Series:
        return cls(samples, gap_codes(samples), limits.eps, limits.text)

    def part(self, rows: slice, channels: list[int] | slice = slice(None)) -> Series:
        """Some rows of some channels."""
        return Series(self.samples[rows][:, channels], self.codes[rows][:, channels], self.eps[channels], self.text)

    def numbers(self, channel: int) -> np.ndarray:
        """A channel without its gaps."""
        return np.ascontiguousarray(self.samples[self.codes[:, channel] == 0, channel])


@dataclass(frozen=True)
class OnGrids:
    """k (T, C') int32 of the channels whose grids have any, in order; `missed` (T, C): values to be kept one by one."""

    k: np.ndarray
    missed: np.ndarray


def on_grids(series: Series, grids: list[Grid], y_hat: np.ndarray | None = None) -> OnGrids:
    """The integers of a series. Each value that they do not give back within its bound is missed; there, and at gaps,
    the integer before goes on. Nothing is missed of channels that are kept verbatim."""
    missed = np.zeros(series.samples.shape, bool)
    columns = []
    for c, grid in enumerate(grids):
        if grid.kind == VERBATIM:
            continue
        base = None if y_hat is None else y_hat[:, c]
        x = np.ascontiguousarray(series.samples[:, c])
        if grid.has_k:
            k, within = integers_of(x, grid, base)
            k[~within] = 0
        else:
            k, within = np.zeros(len(x), np.int64), True
        x_hat = grid.values(k, x.dtype, base)
        off = ~_is_restored(x, x_hat, series.codes[:, c], float(series.eps[c]), grid)
        if series.text and x.itemsize == 8 and series.eps[c] > 0 and grid.kind != DECIMAL:
            with np.errstate(over="ignore"):
                short = x_hat.astype(np.float32).astype(np.float64)
            off |= ~_is_restored(x, short, series.codes[:, c], float(series.eps[c]), grid)
        missed[:, c] = off | ~within & (series.codes[:, c] == 0)
        if grid.has_k:
            columns.append(_held(k, (series.codes[:, c] != 0) | missed[:, c]))
    k = np.stack(columns, axis=1) if columns else np.zeros((len(missed), 0), np.int64)
    return OnGrids(k.astype(np.int32), missed)


def samples_of(grids: list[Grid], k: np.ndarray, rows: int, dtype: np.dtype, y_hat: np.ndarray | None) -> np.ndarray:
    """(rows, C) of the integers of `on_grids`; 0 in channels that are kept verbatim."""
    samples = np.zeros((rows, len(grids)), dtype)
    column, none = 0, np.zeros(rows, np.int32)
    for c, grid in enumerate(grids):
        if grid.kind == VERBATIM:
            continue
        samples[:, c] = grid.values(k[:, column] if grid.has_k else none, dtype, None if y_hat is None else y_hat[:, c])
        column += grid.has_k
    return samples


def _is_restored(x: np.ndarray, x_hat: np.ndarray, codes: np.ndarray, eps: float, grid: Grid) -> np.ndarray:
    if eps == 0:
        bits = f"u{x.itemsize}"
        x_hat = restore_gaps(x_hat.copy(), codes) if codes.any() else x_hat
        return x.view(bits) == x_hat.view(bits)
    if x.dtype.kind == "f":
        numbers = codes == 0
        margin = BASE_MARGIN / 2 * np.abs(x[numbers].astype(np.float64)).max(initial=0) if grid.kind == BASE else 0.0
        with np.errstate(over="ignore", invalid="ignore"):
            return ~numbers | (np.abs(x.astype(np.float64) - x_hat) <= eps - margin)
    widest = np.int64 if x.dtype.kind == "i" else np.uint64
    wide, wide_hat = x.astype(widest).view(np.uint64), x_hat.astype(widest).view(np.uint64)
    return np.where(x > x_hat, wide - wide_hat, wide_hat - wide) <= np.uint64(min(eps, 2.0**62))


def _held(k: np.ndarray, away: np.ndarray) -> np.ndarray:
    """k where it is not away; elsewhere the one before, or, at the start, the first that is there."""
    if not away.any():
        return k
    if away.all():
        return np.zeros_like(k)
    before = np.maximum.accumulate(np.where(away, -1, np.arange(len(k))))
    before[before < 0] = int((~away).argmax())
    return k[before]
