# SPDX-License-Identifier: Apache-2.0
"""A column of text that comes back to the letter: as timestamps, as numbers of fixed decimals, or as text.

u8  0 text: the squeezed cells, a zero byte after each
    1 numbers: varint decimals, then integers
    2 timestamps: varint and template, then integers
    3 few different cells: varint count of them, varint and their squeezed text, then integers that point at them
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from tinify.container import varint
from tinify.errors import FormatError
from tinify.media.integers import decode_integers, encode_integers
from tinify.media.squeeze import squeeze, unsqueeze
from tinify.media.timestamps import MAX_TEMPLATE, format_timestamps, parse_timestamps

_NUMBER = re.compile(r"-?\d{1,18}(?:\.\d{1,18})?")
_MAX_DIGITS = 18
_MAX_TEXT = 1 << 24
_MAX_CELL = 4096


def encode_column(cells: Sequence[str]) -> bytes:
    """The cells in the smallest exact form; they must not hold zero characters."""
    stamps = parse_timestamps(cells)
    if stamps:
        template, values = stamps
        return b"\x02" + varint.put(len(template)) + template.encode("ascii") + encode_integers(values)
    numbers = _parse_numbers(cells)
    if numbers:
        decimals, values = numbers
        return b"\x01" + varint.put(decimals) + encode_integers(values)
    plain = b"\x00" + squeeze(_joined(cells))
    words = list(dict.fromkeys(cells))
    if 2 * len(words) > len(cells):
        return plain
    table = squeeze(_joined(words))
    places = {word: place for place, word in enumerate(words)}
    chosen = encode_integers(np.array([places[cell] for cell in cells]))
    return min(plain, b"\x03" + varint.put(len(words)) + varint.put(len(table)) + table + chosen, key=len)


def _joined(cells: Sequence[str]) -> bytes:
    return "".join(cell + "\0" for cell in cells).encode("utf-8")


def decode_column(data: bytes, count: int) -> list[str]:
    """Undoes `encode_column` for a column of that many cells; FormatError, LimitError."""
    form = data[0] if data else -1
    if form == 0:
        return _decode_text(data[1:], count)
    if form == 1:
        decimals, position = varint.get(data, 1)
        if decimals > _MAX_DIGITS:
            raise FormatError(f"a column with {decimals} decimals; at most {_MAX_DIGITS} are possible")
        return _format_numbers(decimals, decode_integers(data[position:], count))
    if form == 2:
        length, position = varint.get(data, 1)
        if length > MAX_TEMPLATE:
            raise FormatError("the time template is too long: the time column is damaged")
        template = data[position : position + length].decode("ascii", errors="replace")
        return format_timestamps(template, decode_integers(data[position + length :], count))
    if form == 3:
        return _decode_words(data, count)
    raise FormatError(f"a column of unknown form {form}: it is damaged, or made by a later tinify")


def _decode_text(data: bytes, count: int) -> list[str]:
    raw = unsqueeze(data, max(_MAX_TEXT, count * _MAX_CELL))
    try:
        cells = raw.decode("utf-8").split("\0")
    except UnicodeDecodeError as error:
        raise FormatError(f"a text column is damaged: {error}") from error
    if len(cells) != count + 1 or cells[-1]:
        raise FormatError(f"a text column holds {len(cells) - 1} cells and {count} are needed")
    return cells[:-1]


def _decode_words(data: bytes, count: int) -> list[str]:
    different, position = varint.get(data, 1)
    length, position = varint.get(data, position)
    if different > count or length > len(data) - position:
        raise FormatError(f"a column of {count} cells declares {different} different ones: it is damaged")
    words = _decode_text(data[position : position + length], different)
    places = decode_integers(data[position + length :], count)
    if len(places) and not 0 <= int(places.min()) <= int(places.max()) < different:
        raise FormatError("a column points beyond its words: it is damaged")
    return [words[place] for place in places.tolist()]


def _parse_numbers(cells: Sequence[str]) -> tuple[int, np.ndarray] | None:
    """(decimals, int64 values without the point), or None when they would not give the text back."""
    if not cells or not all(map(_NUMBER.fullmatch, cells)):
        return None
    decimals = len(cells[0].partition(".")[2])
    digits = [cell.replace(".", "") for cell in cells]
    if max(map(len, digits)) > _MAX_DIGITS:
        return None
    values = np.array([int(text) for text in digits], dtype=np.int64)
    return (decimals, values) if _format_numbers(decimals, values) == list(cells) else None


def _format_numbers(decimals: int, values: np.ndarray) -> list[str]:
    if decimals == 0:
        return [str(value) for value in values.tolist()]
    cells = []
    for value in values.tolist():
        digits = str(abs(value)).rjust(decimals + 1, "0")
        cells.append(f"{'-' if value < 0 else ''}{digits[:-decimals]}.{digits[-decimals:]}")
    return cells
