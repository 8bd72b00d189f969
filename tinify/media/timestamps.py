# SPDX-License-Identifier: Apache-2.0
"""Timestamps of one fixed width to integers and back, exactly.

A template has the letters Y m d H M S f where the text has digits (f = fraction of a second) and the text's own
characters elsewhere: "YYYY-mm-ddTHH:MM:SS.fffZ". Text that a template does not give back to the letter is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from tinify.errors import FormatError

_DATES = (
    (re.compile(r"\d{4}([-/.])\d\d\1\d\d"), ("YYYY{0}mm{0}dd",)),
    (re.compile(r"\d\d([-/.])\d\d\1\d{4}"), ("dd{0}mm{0}YYYY", "mm{0}dd{0}YYYY")),
)
_TIME = re.compile(r"\d\d:\d\d(?::\d\d(?:[.,](\d{1,9}))?)?")
_ZONE = re.compile(r"|Z|[+-]\d\d:?\d\d| ?UTC")
_LETTERS = "YmdHMSf"
_WIDTHS = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2}
MAX_TEMPLATE = 64


def parse_timestamps(cells: Sequence[str]) -> tuple[str, np.ndarray] | None:
    """(template, int64 counts of the smallest unit of the template), or None when the cells are not of one form."""
    if not cells or len(set(map(len, cells))) != 1:
        return None
    for template in _templates(cells[0]):
        text = _matrix(cells)
        if text is None:
            return None
        values = _values(text, template)
        if values is not None and np.array_equal(_render(values, template), text):
            return template, values
    return None


def format_timestamps(template: str, values: np.ndarray) -> list[str]:
    """Undoes `parse_timestamps`. FormatError when the template is none or a value is out of its range."""
    counts = {letter: template.count(letter) for letter in _LETTERS}
    whole = all(counts[letter] in (0, width) for letter, width in _WIDTHS.items()) and counts["f"] <= 9
    whole = whole and counts["Y"] + counts["H"] > 0
    if not template.isascii() or len(template) > MAX_TEMPLATE or not whole or "\0" in template:
        raise FormatError(f"time template {template!r} is not one that tinify writes")
    text = _render(np.asarray(values, dtype=np.int64), template)
    return [row.decode("ascii") for row in text.view(f"S{len(template)}").reshape(-1).tolist()]


def looks_like_time(cell: str) -> bool:
    """Whether one cell is a date or a timestamp (not a bare time of day)."""
    return any("Y" in template for template in _templates(cell.strip()))


def _templates(cell: str) -> Iterator[str]:
    for date, forms in _DATES:
        match = date.match(cell)
        if match:
            tail = _time_template(cell[match.end() :], separated=True)
            if tail is not None:
                yield from (form.format(match.group(1)) + tail for form in forms)
    tail = _time_template(cell, separated=False)
    if tail:
        yield tail


def _time_template(text: str, *, separated: bool) -> str | None:
    separator = text[:1] if separated else ""
    if separated and not text:
        return ""
    if separated and separator not in ("T", " ", "_"):
        return None
    match = _TIME.match(text, len(separator))
    if not match or not _ZONE.fullmatch(text, match.end()):
        return None
    digits = len(match.group(1) or "")
    clock = "HH:MM:SS"[: min(8, match.end() - len(separator))]
    fraction = text[match.start(1) - 1] + "f" * digits if digits else ""
    return separator + clock + fraction + text[match.end() :]


def _matrix(cells: Sequence[str]) -> np.ndarray | None:
    try:
        joined = "".join(cells).encode("ascii")
    except UnicodeEncodeError:
        return None
    return np.frombuffer(joined, dtype=np.uint8).reshape(len(cells), -1)


def _positions(template: str, letter: str) -> list[int]:
    return [place for place, character in enumerate(template) if character == letter]


def _days(year: np.ndarray, month: np.ndarray, day: np.ndarray) -> np.ndarray:
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    return months.astype("datetime64[D]").astype(np.int64) + day - 1


def _unit(template: str) -> int:
    """Ticks a day."""
    if "H" not in template:
        return 1
    return (86_400 if "S" in template else 1_440) * 10 ** template.count("f")


def _values(text: np.ndarray, template: str) -> np.ndarray | None:
    fields = {}
    for letter in _LETTERS:
        digits = text[:, _positions(template, letter)].astype(np.int64) - 48
        if ((digits < 0) | (digits > 9)).any():
            return None
        fields[letter] = digits @ (10 ** np.arange(digits.shape[1], dtype=np.int64)[::-1])
    days = np.zeros(len(text), dtype=np.int64)
    if "Y" in template:
        if ((fields["m"] < 1) | (fields["m"] > 12)).any():
            return None
        days = _days(fields["Y"], fields["m"], fields["d"])
    unit = _unit(template)
    # Nanoseconds reach from 1677 to 2262 in 64 bits.
    if len(days) and unit * (int(np.abs(days).max()) + 1) >= 1 << 63:
        return None
    clock = fields["H"] * 60 + fields["M"]
    if "S" in template:
        clock = (clock * 60 + fields["S"]) * 10 ** template.count("f") + fields["f"]
    return days * unit + clock


def _render(values: np.ndarray, template: str) -> np.ndarray:
    """uint8 (n, width); FormatError when a value is beyond the years 0 to 9999."""
    unit = _unit(template)
    days, ticks = values // unit, values % unit
    fields = {}
    if "Y" in template:
        if len(days) and not -719_528 <= int(days.min()) <= int(days.max()) <= 2_932_896:
            raise FormatError("a time is beyond the years 0 to 9999: the time column is damaged")
        date = days.astype("datetime64[D]")
        month = date.astype("datetime64[M]")
        fields["Y"] = month.astype("datetime64[Y]").astype(np.int64) + 1970
        fields["m"] = month.astype(np.int64) % 12 + 1
        fields["d"] = (date - month.astype("datetime64[D]")).astype(np.int64) + 1
    if "S" in template:
        ticks, fields["f"] = np.divmod(ticks, 10 ** template.count("f"))
        ticks, fields["S"] = np.divmod(ticks, 60)
    fields["H"], fields["M"] = np.divmod(ticks, 60)
    text = np.tile(np.frombuffer(template.encode("ascii"), dtype=np.uint8), (len(values), 1))
    for letter, field in fields.items():
        for power, place in enumerate(reversed(_positions(template, letter))):
            text[:, place] = field // 10**power % 10 + 48
    return text
