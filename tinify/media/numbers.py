# SPDX-License-Identifier: Apache-2.0
"""A column of numbers to float64 and back to the look that it had: decimals, spelling of gaps, decimal comma."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinify.errors import FormatError

_NUMBER = re.compile(r"[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_GAPS = {"", "nan", "-nan", "na", "n/a", "#n/a", "null", "none", "?", "-"}
_EXACT = 1 << 53
_MOST_DECIMALS = 8


@dataclass(frozen=True)
class NumberStyle:
    """How the numbers of a column are written.

    low, high: fewest and most decimals (1.5 and 1.25: 1 and 2); high = -1: as many as the value needs
    exponent: 1e-07 rather than 0.0000001; comma: the decimal separator; gaps: one spelling, or one for each gap
    crc: of the float64 values, where high = -1: when they come back unchanged all their digits are written
    """

    low: int = 0
    high: int = 0
    exponent: bool = False
    comma: bool = False
    gaps: str | tuple[str, ...] = ""
    crc: int = 0

    def to_list(self) -> list:
        """For JSON; trailing defaults are left out."""
        gaps = list(self.gaps) if isinstance(self.gaps, tuple) else self.gaps
        row = [self.low, self.high, int(self.exponent), int(self.comma), gaps, self.crc]
        while row and row[-1] in (0, ""):
            row.pop()
        return row

    @classmethod
    def from_list(cls, row: Any) -> NumberStyle:
        """Undoes `to_list`; FormatError when it is something else."""
        if not isinstance(row, list) or len(row) > 6:
            raise FormatError("the description of a column is damaged")
        low, high, exponent, comma, gaps, crc = row + [0, 0, 0, 0, "", 0][len(row) :]
        whole = all(isinstance(value, int) for value in (low, high, crc))
        texts = all(isinstance(gap, str) for gap in (gaps if isinstance(gaps, list) else [gaps]))
        if not whole or not texts or not (0 <= low <= _MOST_DECIMALS and -1 <= high <= _MOST_DECIMALS):
            raise FormatError("the description of a column is damaged")
        gaps = tuple(gaps) if isinstance(gaps, list) else gaps
        return cls(low, high, bool(exponent), bool(comma), gaps, crc)


def is_gap(cell: str) -> bool:
    """Whether a cell says that there is no value: empty, NaN, NA, null, ..."""
    return cell.strip().lower() in _GAPS


def is_number(cell: str, comma: bool = False) -> bool:
    """Whether a cell is a decimal number (`comma`: or one with a decimal comma); leading zeros make an identifier."""
    text = cell.strip()
    return _NUMBER.fullmatch(text) is not None or (comma and _NUMBER.fullmatch(_pointed(text)) is not None)


def parse_numbers(cells: Sequence[str], comma: bool = False) -> tuple[np.ndarray, NumberStyle] | None:
    """(float64 with NaN for gaps, style), or None when a cell is neither a number nor a gap, or none is a number.

    `comma`: the numbers may also be written with a decimal comma. Integers beyond 2**53, which float64 cannot hold,
    and infinities are not numbers in this sense.
    """
    texts = [cell.strip() for cell in cells]
    if comma and any("," in text for text in texts):
        texts = [_pointed(text) for text in texts]
    else:
        comma = False
    gaps = [cell for cell, text in zip(cells, texts, strict=True) if text.lower() in _GAPS]
    numbers = [text for text in texts if text.lower() not in _GAPS] if gaps else texts
    if not numbers or not all(map(_NUMBER.fullmatch, numbers)):
        return None
    values = np.array(numbers, dtype=np.float64)
    exponent = any("e" in text or "E" in text for text in numbers)
    lengths = {len(text.partition(".")[2]) for text in numbers}
    integers = not exponent and max(lengths) == 0
    if not np.isfinite(values).all() or (integers and np.abs(values).max() > _EXACT):
        return None
    if gaps:
        full = np.full(len(texts), np.nan)
        full[[text.lower() not in _GAPS for text in texts]] = values
        values = full
    spelling = gaps[0] if len(set(gaps)) == 1 else tuple(gaps) if gaps else ""
    free = exponent or max(lengths) > _MOST_DECIMALS
    low = min(min(lengths), 1) if free else min(lengths)
    crc = _crc(values) if free else 0
    return values, NumberStyle(low, -1 if free else max(lengths), exponent, comma, spelling, crc)


def format_numbers(values: np.ndarray, style: NumberStyle) -> list[str]:
    """float64 (n,) -> n cells in that style."""
    cells = _free(values, style) if style.high < 0 else _fixed(values, style.low, style.high)
    if style.comma:
        cells = [cell.replace(".", ",") for cell in cells]
    holes = np.flatnonzero(np.isnan(values)).tolist()
    fitting = isinstance(style.gaps, tuple) and len(style.gaps) == len(holes)
    for number, hole in enumerate(holes):
        cells[hole] = style.gaps[number] if fitting else style.gaps if isinstance(style.gaps, str) else ""
    return cells


def _pointed(text: str) -> str:
    # With a decimal comma a point is no part of a number: 1.234,5 stays text.
    return text.replace(",", ".") if "." not in text else "\0"


def _crc(values: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(values, dtype="<f8").tobytes())


def _fixed(values: np.ndarray, low: int, high: int) -> list[str]:
    if not len(values):
        return []
    text = (f"%.{high}f\n" * len(values)) % tuple(values.tolist())
    if high > low:
        text = re.sub(rf"0{{1,{high - low}}}$", "", text, flags=re.M)
        text = re.sub(r"\.$", "", text, flags=re.M)
    text = re.sub(r"^-(0(?:\.0*)?)$", r"\1", text, flags=re.M)
    return text.split("\n")[:-1]


def _free(values: np.ndarray, style: NumberStyle) -> list[str]:
    """Shortest digits: those of float64 when the values are the original ones, else those of float32."""
    exact = _crc(values) == style.crc
    with np.errstate(over="ignore"):
        typed = values if exact else values.astype(np.float32)
    if style.exponent:
        return [str(value) for value in typed]
    trim = "0" if style.low else "-"
    return [np.format_float_positional(value, unique=True, trim=trim) for value in typed]
