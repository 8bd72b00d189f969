# SPDX-License-Identifier: Apache-2.0
"""The numbers that a channel can have, by integers k: what `grid_choice` finds, in a file, and back to samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinify.errors import FormatError
from tinify.models.series.integer_lists import get_integers, pack_integers

CONSTANT, FREE, DECIMAL, BITS, INTEGER, BASE, VERBATIM = range(7)
NAMES = ("constant", "step", "decimal", "bits", "integer", "base", "verbatim")
_WIDTH = {CONSTANT: 0, FREE: 2, DECIMAL: 3, BITS: 1, INTEGER: 1, BASE: 1, VERBATIM: 0}
_WITHOUT_K = (CONSTANT, VERBATIM)
_WITH_SAMPLE = (CONSTANT, INTEGER)
DIGITS, LEAST = 15, -1100  # of a step (2^15 + m) 2^e: m, and the least e
PHASES = 8  # of a FREE grid: where in a step it begins
MOST_K = 1 << 30
_MOST_FIRST, _MOST_DECIMALS = 1 << 53, 9


@dataclass(frozen=True)
class Grid:
    """One channel's. x of an integer k, in float64 where it says nothing else, then rounded to the type:

        CONSTANT  sample                         FREE      (first / 8 + k) step
        DECIMAL   (first + k multiple) / 10^d    INTEGER   sample + k multiple, modulo 2^64
        BITS      the float whose bits, in order of size, are first + k
        BASE      what the codec's file holds + k step            VERBATIM  stored elsewhere

    numbers: FREE `step code, first`; DECIMAL `d, multiple, first`; BITS `first`; INTEGER `multiple`; BASE `step code`.
    """

    kind: int
    numbers: tuple[int, ...] = ()
    sample: np.generic | None = None

    @property
    def has_k(self) -> bool:
        return self.kind not in _WITHOUT_K

    def values(self, k: np.ndarray, dtype: np.dtype, y_hat: np.ndarray | None = None) -> np.ndarray:
        """x_hat (T,) of k (T,) int32; `y_hat` float64 is the base."""
        if self.kind == CONSTANT:
            return np.full(len(k), self.sample, dtype)
        k = k.astype(np.int64)
        if self.kind == INTEGER:
            return _integers(k, *self.numbers, self.sample, dtype)
        if self.kind == BITS:
            return from_ordered(self.numbers[0] + k, dtype)
        if self.kind == DECIMAL:
            digits, multiple, first = self.numbers
            return rounded_to((first + k * multiple) / 10.0**digits, dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            if self.kind == FREE:
                return rounded_to((self.numbers[1] + PHASES * k) / PHASES * step_of(self.numbers[0]), dtype)
            return rounded_to(y_hat + k * step_of(self.numbers[0]), dtype)


def step_code(step: float, digits: int) -> int | None:
    """Code of the largest step of so many binary digits after its first that is at most `step`; None where none is."""
    part, exponent = np.frexp(step)
    mantissa = int(np.ldexp(part, digits + 1)) << (DIGITS - digits)
    exponent = int(exponent) - DIGITS - 1
    if not np.isfinite(step) or step <= 0 or exponent < -1074:
        return None
    return (exponent - LEAST << DIGITS) | mantissa - (1 << DIGITS)


def step_of(code: int) -> float:
    """(2^15 + m) 2^e; 0 or infinity for codes that no step has."""
    with np.errstate(over="ignore", under="ignore"):
        return float(np.ldexp(float((1 << DIGITS) + (code & (1 << DIGITS) - 1)), (code >> DIGITS) + LEAST))


def rounded_to(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """float64 as that type; what is beyond its range becomes its least or largest number."""
    if dtype.kind == "f":
        limit = float(np.finfo(dtype).max)
        return np.clip(np.nan_to_num(x, nan=0.0, posinf=limit, neginf=-limit), -limit, limit).astype(dtype)
    limits = np.iinfo(dtype)
    # float64 rounds the largest 64-bit integers up to 2^63 or 2^64, beyond the type.
    top = np.nextafter(float(limits.max), 0) if dtype.itemsize == 8 else float(limits.max)
    return np.clip(np.rint(np.nan_to_num(x)), float(limits.min), top).astype(dtype)


def ordered(x: np.ndarray) -> np.ndarray:
    """int64 that rise with floats of 16 or 32 bits, one a value; -0.0 is -1."""
    bits = x.view(f"i{x.itemsize}").astype(np.int64)
    return np.where(bits < 0, -1 - (bits & (1 << 8 * x.itemsize - 1) - 1), bits)


def from_ordered(numbers: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Undoes `ordered`; what no float has comes out as one all the same."""
    top = 1 << 8 * dtype.itemsize - 1
    numbers = np.clip(numbers, -top, top - 1)
    bits = np.where(numbers < 0, (-1 - numbers) | top, numbers)
    return bits.astype(f"u{dtype.itemsize}").view(dtype)


def _integers(k: np.ndarray, multiple: int, sample: np.generic, dtype: np.dtype) -> np.ndarray:
    with np.errstate(over="ignore"):
        far = k.astype(np.uint64) * np.uint64(multiple) + np.asarray(sample).astype(np.int64).astype(np.uint64)
    if dtype.itemsize == 8:
        return far.view(dtype)
    limits = np.iinfo(dtype)
    return np.clip(far.view(np.int64), limits.min, limits.max).astype(dtype)


def pack_grids(grids: list[Grid], dtype: np.dtype) -> bytes:
    """The kinds; for each kind in order, lists of its numbers; then the samples of constants and integers."""
    if not grids:
        return b""
    out = [pack_integers([grid.kind for grid in grids])]
    for kind, width in _WIDTH.items():
        rows = [grid.numbers for grid in grids if grid.kind == kind]
        out += [pack_integers([row[i] for row in rows]) for i in range(width if rows else 0)]
    samples = [grid.sample for grid in grids if grid.kind in _WITH_SAMPLE]
    return b"".join(out) + np.array(samples, dtype).tobytes()


def unpack_grids(data: bytes, channels: int, dtype: np.dtype) -> list[Grid]:
    """Undoes `pack_grids`. FormatError when the bytes are not grids of so many channels of that type."""
    if not channels:
        return []
    kinds, position = get_integers(data, 0, channels)
    allowed = (CONSTANT, BASE, VERBATIM, *((FREE, DECIMAL, BITS) if dtype.kind == "f" else (INTEGER,)))
    if not np.isin(kinds, allowed).all() or (BITS in kinds and dtype.itemsize > 4):
        raise FormatError(f"channels of kinds {sorted({int(k) for k in kinds})[:9]} are no grids of {dtype}")
    numbers = {}
    for kind, width in _WIDTH.items():
        count = int((kinds == kind).sum())
        columns = []
        for _ in range(width if count else 0):
            column, position = get_integers(data, position, count)
            columns.append(column.tolist())
        numbers[kind] = iter(list(zip(*columns, strict=True)) if width else [()] * count)
    with_sample = np.isin(kinds, _WITH_SAMPLE)
    if len(data) - position != with_sample.sum() * dtype.itemsize:
        raise FormatError(f"{len(data) - position} bytes do not hold {with_sample.sum()} numbers of {dtype}")
    samples = iter(np.frombuffer(data, dtype, offset=position))
    return [
        _checked(Grid(kind, next(numbers[kind]), next(samples) if kind in _WITH_SAMPLE else None))
        for kind in kinds.tolist()
    ]


def _checked(grid: Grid) -> Grid:
    numbers = grid.numbers
    if grid.kind in (FREE, BASE):
        sound = 0 <= numbers[0] < 1 << 27 and 0 < step_of(numbers[0]) < np.inf
    else:
        sound = grid.kind != DECIMAL or 0 <= numbers[0] <= _MOST_DECIMALS
    if grid.kind in (DECIMAL, INTEGER):
        sound = sound and numbers[-2 if grid.kind == DECIMAL else 0] >= 1
    if not sound or any(abs(number) > 1 << 62 for number in numbers):
        raise FormatError(f"{numbers} are no numbers of a grid of {NAMES[grid.kind]}s")
    return grid
