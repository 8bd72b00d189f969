# SPDX-License-Identifier: Apache-2.0
"""The coarsest grid on which all numbers of a channel lie: decimals, powers of two, multiples of an integer."""

from __future__ import annotations

import numpy as np

_PROBE = 512
_MISSES = 1 / 256  # share of values that need not lie on the grid: they are kept one by one
_EXACT = 2.0**53


def decimal_of(x: np.ndarray, dtype: np.dtype) -> tuple[int, int] | None:
    """`(d, g)`: x (T,), finite floats, are multiples of g / 10^d, rounded to the type, but for a few; None if not so.

    d is in 0 ... 9 and as small as it can be.
    """
    x = x.astype(np.float64)
    probe = x[:: max(1, len(x) // _PROBE)]
    for digits in range(10):
        if not _fits(probe, digits, dtype, 4 * _MISSES)[1]:
            continue
        numbers, fits = _fits(x, digits, dtype, _MISSES)
        if fits is not None:
            return digits, max(1, int(np.gcd.reduce(numbers.astype(np.int64))))
    return None


def _fits(x: np.ndarray, digits: int, dtype: np.dtype, misses: float) -> tuple[np.ndarray, bool | None]:
    """The integers of those that lie on the grid of so many decimals, and True; None when too few do."""
    with np.errstate(over="ignore", invalid="ignore"):
        numbers = np.rint(x * 10.0**digits)
        on = (np.abs(numbers) < _EXACT) & ((numbers / 10.0**digits).astype(dtype) == x)
    off = len(x) - np.count_nonzero(on)
    return numbers[on], True if off <= misses * len(x) and off < len(x) else None


def power_of(x: np.ndarray) -> int | None:
    """The largest e with all of x (T,) multiples of 2^e; None of zeros alone."""
    parts, exponents = np.frexp(x.astype(np.float64)[x != 0])
    if not len(parts):
        return None
    numbers = np.abs(np.ldexp(parts, 53)).astype(np.int64)
    zeros = np.frexp((numbers & -numbers).astype(np.float64))[1] - 1
    return int((exponents - 53 + zeros).min())


def divisor_of(x: np.ndarray) -> int:
    """The largest g so that the integers x (T,) lie multiples of g from the first; 1 when they are all equal."""
    wide = x.astype(np.int64).view(np.uint64) if x.dtype.kind == "i" else x.astype(np.uint64)
    above = x >= x[0]
    far = np.where(above, wide - wide[0], wide[0] - wide)
    return max(1, int(np.gcd.reduce(far)))
