# SPDX-License-Identifier: Apache-2.0
"""Where in a step the points of a grid lie: values that a channel often has should not fall between two of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from tinify.models.series.grids import DECIMAL, FREE, INTEGER, PHASES, Grid

_PARTS, _PART_ROWS = 4, 1 << 12
_MOST_STEP = 1 << 12  # differences beyond count alike
_WORTH_BITS = 24.0


def shifted(grid: Grid, unit: int) -> Iterator[Grid]:
    """The grid, and those that lie up to 7/8 of a step higher; of integers and decimals, multiples of the unit."""
    yield grid
    if grid.kind == FREE:
        code, first = grid.numbers
        yield from (replace(grid, numbers=(code, first + phase)) for phase in range(1, PHASES))
        return
    multiple = grid.numbers[1] if grid.kind == DECIMAL else grid.numbers[0]
    count = multiple // unit
    shifts = sorted({round(phase * count / PHASES) * unit for phase in range(1, PHASES)} - {0, multiple})
    for shift in shifts:
        if grid.kind == DECIMAL:
            digits, _, first = grid.numbers
            yield replace(grid, numbers=(digits, multiple, first + shift))
        elif grid.sample is not None:
            limits, sample = np.iinfo(grid.sample.dtype), int(grid.sample)
            moved = sample + shift if sample + shift <= limits.max else sample + shift - multiple
            if limits.min <= moved:
                yield replace(grid, sample=grid.sample.dtype.type(moved))


def best_phase(x: np.ndarray, grid: Grid, unit: int, integers_of: Callable) -> Grid:
    """The grid shifted so that the differences of `integers_of(x, grid)`, of x (T,), have the least entropy."""
    if grid.kind not in (FREE, DECIMAL, INTEGER):
        return grid
    parts = _parts(x)
    grids = list(shifted(grid, unit))
    if len(grids) < 2:
        return grid
    bits = [sum(_entropy(integers_of(part, one)[0]) for part in parts) for one in grids]
    least = int(np.argmin(bits))
    return grids[least] if bits[least] < bits[0] - _WORTH_BITS else grid


def _parts(x: np.ndarray) -> list[np.ndarray]:
    if len(x) <= _PARTS * _PART_ROWS:
        return [x]
    return [x[start : start + _PART_ROWS] for start in np.linspace(0, len(x) - _PART_ROWS, _PARTS).astype(int)]


def _entropy(k: np.ndarray) -> float:
    """Bits of the differences under their own histogram."""
    counts = np.bincount(np.clip(np.diff(k), -_MOST_STEP, _MOST_STEP) + _MOST_STEP)
    counts = counts[counts > 0]
    return float((counts * (np.log2(max(len(k) - 1, 1)) - np.log2(counts))).sum())
