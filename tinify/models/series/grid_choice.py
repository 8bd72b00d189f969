# SPDX-License-Identifier: Apache-2.0
"""The grid of a channel for its error bound, and the integers of its samples on it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from tinify.models.series.grid_phase import best_phase
from tinify.models.series.grids import (
    BASE,
    BITS,
    CONSTANT,
    DECIMAL,
    FREE,
    INTEGER,
    MOST_K,
    PHASES,
    VERBATIM,
    Grid,
    ordered,
    step_code,
    step_of,
)
from tinify.models.series.lossless import decimal_of, divisor_of, power_of

MARGIN = 1 - 2.0**-20
_FEW_DIGITS, _DIGITS, _MANY_ROWS = 7, 15, 1 << 12
_PLAIN, _MOST_FIRST, _MOST_MULTIPLE = 1 << 24, 1 << 53, 1 << 61
_WORTH = 1.005  # an aligned grid has to be so much coarser: it misses what does not lie on the finer one
_BEYOND = 0.1  # share of values beyond a grid that make it useless
_BASE_SHARE, BASE_MARGIN = 1e-4, 2.0**-18  # of the largest number: the least bound, and what floats may be off


def grid_of(x: np.ndarray, eps: float, text: bool = False) -> Grid:
    """The coarsest grid for the numbers x (T,), gaps left out, within eps; exact, where it can be, for eps = 0.

    What is going to be `text` stays on its decimals, where it has any.
    """
    if not len(x):
        return Grid(CONSTANT, (), x.dtype.type(0))
    if x.dtype.kind != "f":
        return _integer_grid(x, eps)
    constant = _constant(x, eps)
    if constant is not None:
        return constant
    exact = [(grid, unit) for grid, unit in _exact(x, eps) if grid is not None]
    if text and exact and exact[0][0].kind == DECIMAL:
        return best_phase(x, *exact[0], integers_of)
    aligned, unit = max(exact, key=lambda found: _step(found[0]), default=(None, 0))
    free = _free(x, eps, np.dtype(np.float32) if text else x.dtype)
    if aligned is not None and (free is None or _step(aligned) > _WORTH * _step(free)):
        return best_phase(x, aligned, unit, integers_of) if unit else aligned
    if free is not None:
        return best_phase(x, free, 1, integers_of)
    if x.itemsize < 8:
        numbers = ordered(x)
        first = int(np.median(numbers))
        if (np.abs(numbers - first) > MOST_K).mean() <= _BEYOND:
            return Grid(BITS, (first,))
    return Grid(VERBATIM)


def base_grid_of(x: np.ndarray, eps: float, text: bool = False) -> Grid | None:
    """The grid around a base; None where the bound is too narrow for floats that differ a little between machines."""
    if not len(x):
        return None
    peak = float(np.abs(x.astype(np.float64)).max())
    ulp = _half_ulp(peak, np.dtype(np.float32) if text and x.dtype.kind == "f" else x.dtype)
    if not (eps > _BASE_SHARE * peak and eps > 4 * ulp):
        return None
    code = step_code(2 * (eps - ulp - BASE_MARGIN * peak) * MARGIN, _digits(x))
    return None if code is None else Grid(BASE, (code,))


def integers_of(x: np.ndarray, grid: Grid, y_hat: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """`(k, within)` of x (T,): int64, and whether k can be coded; anything where x is no number."""
    if grid.kind == INTEGER:
        wide = x.astype(np.int64).view(np.uint64) if x.dtype.kind == "i" else x.astype(np.uint64)
        far = (wide - np.asarray(grid.sample).astype(np.int64).astype(np.uint64)).view(np.int64)
        k = (far + grid.numbers[0] // 2) // grid.numbers[0]
        return k, (k >= -MOST_K) & (k <= MOST_K)
    if grid.kind == BITS:
        k = ordered(x) - grid.numbers[0]
        return k, np.abs(k) <= MOST_K
    with np.errstate(over="ignore", invalid="ignore"):
        x = x.astype(np.float64)
        if grid.kind == DECIMAL:
            digits, multiple, first = grid.numbers
            k = np.rint((np.rint(x * 10.0**digits) - first) / multiple)
        elif grid.kind == FREE:
            k = np.rint(x / step_of(grid.numbers[0]) - grid.numbers[1] / PHASES)
        else:
            k = np.rint((x - y_hat) / step_of(grid.numbers[0]))
        within = np.abs(k) <= MOST_K
    return np.where(within, k, 0).astype(np.int64), within


def _integer_grid(x: np.ndarray, eps: float) -> Grid:
    whole = math.floor(min(eps, 2.0**61))
    low, high = int(x.min()), int(x.max())
    if high - low <= 2 * whole:
        return Grid(CONSTANT, (), x.dtype.type(low + (high - low) // 2))
    divisor = min(divisor_of(x), _MOST_MULTIPLE)
    return best_phase(x, Grid(INTEGER, (_aligned(divisor, whole),), x.dtype.type(x[0])), divisor, integers_of)


def _aligned(unit: int, eps: float) -> int:
    """The largest odd multiple of a unit whose multiples are within eps of all multiples of the unit."""
    return min(2 * math.floor(eps / unit) + 1, max(1, _MOST_MULTIPLE // unit - 1)) * unit


def _constant(x: np.ndarray, eps: float) -> Grid | None:
    low, high = x.min(), x.max()
    if eps == 0:
        bits = x.view(f"u{x.itemsize}")
        return Grid(CONSTANT, (), x[0]) if (bits == bits[0]).all() else None
    middle = x.dtype.type(float(low) / 2 + float(high) / 2)
    within = max(float(high) - float(middle), float(middle) - float(low)) <= eps
    return Grid(CONSTANT, (), middle) if within else None


def _exact(x: np.ndarray, eps: float) -> Iterator[tuple[Grid | None, int]]:
    """Grids that the numbers lie on, made as coarse as eps allows; by what they can be shifted, 0 for nothing."""
    decimal = decimal_of(x, x.dtype)
    if decimal is not None:
        digits, unit = decimal
        # Differences of whole numbers are exact; of other decimals, as much too large as these are rounded.
        slack = 2 * _half_ulp(float(np.abs(x).max()), x.dtype) if digits else 0.0
        multiple = _aligned(unit, max(eps - slack, 0.0) * 10.0**digits)
        first = _first(np.rint(x.astype(np.float64) * 10.0**digits) / multiple)
        if first is not None:
            yield Grid(DECIMAL, (digits, multiple, first * multiple)), unit
    power = power_of(x)
    if power is not None and power > -1040:
        unit = math.ldexp(1.0, power)
        yield _with_first(x, step_code(unit * _aligned(1, min(eps / unit, 2.0**20)), _DIGITS)), 0


def _free(x: np.ndarray, eps: float, dtype: np.dtype) -> Grid | None:
    peak = float(np.abs(x).max())
    if _half_ulp(peak, dtype) > 0.01 * eps:  # a few values may be missed: a spike must not narrow all steps
        peak = float(np.quantile(np.abs(x.astype(np.float64)), 0.99))
    room = eps - _half_ulp(peak, dtype)
    return _with_first(x, step_code(2 * room * MARGIN, _digits(x))) if room > 0.01 * eps else None


def _with_first(x: np.ndarray, code: int | None) -> Grid | None:
    if code is None:
        return None
    with np.errstate(over="ignore"):
        first = _first(x.astype(np.float64) / step_of(code))
    return None if first is None else Grid(FREE, (code, first * PHASES))


def _first(numbers: np.ndarray) -> int | None:
    """0 where the numbers are small enough as they are, or the middle one; None where they are beyond each other."""
    size = np.abs(numbers)
    if size.max() <= _PLAIN:
        return 0
    first = np.rint(np.median(numbers))
    if (size <= _PLAIN).mean() >= 1 - _BEYOND / 10:
        first = 0.0
    if abs(first) > _MOST_FIRST or (np.abs(numbers - first) > MOST_K).mean() > _BEYOND:
        return None
    return int(first)


def _step(grid: Grid) -> float:
    if grid.kind == DECIMAL:
        return grid.numbers[1] / 10.0 ** grid.numbers[0]
    return step_of(grid.numbers[0])


def _half_ulp(peak: float, dtype: np.dtype) -> float:
    if dtype.kind != "f":
        return 0.5
    return float(np.spacing(dtype.type(min(peak, float(np.finfo(dtype).max) / 2)))) / 2


def _digits(x: np.ndarray) -> int:
    return _DIGITS if len(x) >= _MANY_ROWS else _FEW_DIGITS
