# SPDX-License-Identifier: Apache-2.0
"""The text side of a CSV file: encoding, delimiter, quotes, line ends, comment lines; apart, and put together again."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from itertools import islice

from tinify.errors import FormatError, InputError

DELIMITERS = ("\t", ";", "|", ",")
_QUOTINGS = ("needed", "names", "strings", "all")
_SAMPLE_ROWS = 50


@dataclass(frozen=True)
class Dialect:
    """How the text is written; `quoting`: needed, names, strings (no numbers) or all; `end`: what follows the rows."""

    encoding: str = "utf-8"
    bom: bool = False
    delimiter: str = ","
    space: bool = False
    eol: str = "\n"
    quoting: str = "needed"
    end: str = "\n"
    comments: str = ""

    def to_dict(self) -> dict:
        """For JSON; defaults are left out."""
        return {key: value for key, value in asdict(self).items() if value != getattr(Dialect, key)}

    @classmethod
    def from_dict(cls, values: dict) -> Dialect:
        """Undoes `to_dict`; FormatError when it is something else."""
        known = {field.name: type(getattr(cls, field.name)) for field in fields(cls)}
        if not isinstance(values, dict) or any(not isinstance(v, known.get(k, ())) for k, v in values.items()):
            raise FormatError("the description of the CSV dialect is damaged")
        dialect = cls(**values)
        if dialect.encoding not in _ENCODINGS or dialect.quoting not in _QUOTINGS:
            raise FormatError("the description of the CSV dialect is damaged")
        return dialect


_ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "cp1252", "latin-1")
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def split(data: bytes) -> tuple[list[list[str]], Dialect, str]:
    """(rows of equal length, dialect but for the quoting, the text of the rows). InputError names the line at fault."""
    text, encoding, bom = _decode(data)
    eol = "\r\n" if "\r\n" in text else "\n" if "\n" in text or "\r" not in text else "\r"
    delimiter = _delimiter(text, eol)
    comments, text = _comments(text, delimiter, eol)
    spaced = f"{delimiter} " in text and text.count(delimiter) == text.count(f"{delimiter} ")
    rows, numbers = _parse(text, delimiter, spaced)
    end = _end(text, eol)
    single = max(map(len, rows), default=0) <= 1
    if single:
        # In a file of one column an empty line is a gap, and only the last line end belongs to no row.
        end = eol if text.endswith(eol) else ""
        rows = [row or [""] for row in rows]
    else:
        kept = [(row, number) for row, number in zip(rows, numbers, strict=True) if row]
        rows, numbers = [row for row, _ in kept], [number for _, number in kept]
        _check_lengths(rows, numbers)
    return rows, Dialect(encoding, bom, delimiter, spaced, eol, "needed", end, comments), text


def quoting(rows: Sequence[Sequence[str]], strings: Sequence[bool], dialect: Dialect, text: str, header: bool) -> str:
    """Which cells the writer of the text put in quotes: the habit that gives back its first rows."""
    if '"' not in text:
        return "needed"
    first = rows[:_SAMPLE_ROWS]
    for habit in _QUOTINGS:
        lines = render_rows(first, strings, dialect, habit, header)
        if text.startswith(dialect.eol.join(lines)):
            return habit
    return "needed"


def join(rows: Sequence[Sequence[str]], strings: Sequence[bool], dialect: Dialect, header: bool) -> bytes:
    """The bytes of a CSV file."""
    lines = render_rows(rows, strings, dialect, dialect.quoting, header)
    text = dialect.comments + dialect.eol.join(lines) + (dialect.end if lines else "")
    bom = next((mark for mark, name in _BOMS if name == dialect.encoding), b"") if dialect.bom else b""
    return bom + text.encode(dialect.encoding, errors="replace")


def render_rows(
    rows: Sequence[Sequence[str]], strings: Sequence[bool], dialect: Dialect, habit: str, header: bool
) -> list[str]:
    """One text a row. `strings`: per column, whether its cells are no numbers."""
    delimiter = dialect.delimiter + (" " if dialect.space else "")
    special = {dialect.delimiter, '"', "\n", "\r"}
    body = [habit == "all" or (habit == "strings" and quoted) for quoted in strings]
    lines = []
    for number, row in enumerate(rows):
        always = [habit != "needed"] * len(row) if header and number == 0 else body
        cells = [
            '"' + cell.replace('"', '""') + '"' if quoted or not special.isdisjoint(cell) else cell
            for cell, quoted in zip(row, always, strict=True)
        ]
        lines.append(delimiter.join(cells))
    return lines


def _decode(data: bytes) -> tuple[str, str, bool]:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _checked(data[len(mark) :].decode(encoding, errors="replace")), encoding, True
    for encoding in ("utf-8", "cp1252", "latin-1"):
        try:
            return _checked(data.decode(encoding)), encoding, False
        except UnicodeDecodeError:
            continue
    raise AssertionError("latin-1 decodes anything")


def _checked(text: str) -> str:
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise InputError(f"line {line} holds a zero byte: this is no CSV text")
    return text


def _parse(text: str, delimiter: str, spaced: bool) -> tuple[list[list[str]], list[int]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=spaced, strict=True)
    rows, numbers = [], []
    try:
        for row in reader:
            rows.append(row)
            numbers.append(reader.line_num)
    except csv.Error as error:
        raise InputError(f"line {reader.line_num}: {error}") from error
    return rows, numbers


def _check_lengths(rows: list[list[str]], numbers: list[int]) -> None:
    for row, number in zip(rows, numbers, strict=True):
        if len(row) != len(rows[0]):
            raise InputError(
                f"line {number} has {len(row)} fields where the first row has {len(rows[0])}; mend or remove that line"
            )


def _delimiter(text: str, eol: str) -> str:
    """The one that cuts the first rows into equally many fields; else the one that the first row holds; else none."""
    sample = "".join(line for line in islice(io.StringIO(text, newline=""), _SAMPLE_ROWS) if not line.startswith("#"))
    whole = len(sample) == len(text)
    widths = {delimiter: _widths(sample, delimiter, strict=whole) for delimiter in DELIMITERS}
    for delimiter, counts in widths.items():
        if counts[0] > 1 and len(set(counts)) == 1:
            return delimiter
    held = [delimiter for delimiter, counts in widths.items() if counts[0] > 1]
    if held:
        return max(held, key=lambda delimiter: widths[delimiter][0])
    # One column: a delimiter that occurs nowhere keeps decimal commas whole.
    return next((delimiter for delimiter in (",", *DELIMITERS) if delimiter not in text), ",")


def _widths(sample: str, delimiter: str, *, strict: bool) -> list[int]:
    """Fields of each row that is not empty; a row whose quotes do not fit counts as 0."""
    widths = []
    try:
        for row in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter, strict=strict):
            if row:
                widths.append(len(row))
    except csv.Error:
        widths.append(0)
    return widths or [1]


def _comments(text: str, delimiter: str, eol: str) -> tuple[str, str]:
    """(leading lines that begin with #, the rest); the last of them stays when it names the columns."""
    start = 0
    while text.startswith("#", start):
        end = text.find(eol, start)
        if end < 0:
            break
        end += len(eol)
        after = text[end : (text.find(eol, end) + 1 or len(text) + 1) - 1]
        if not after.startswith("#") and after.count(delimiter) == text.count(delimiter, start, end) > 0:
            break
        start = end
    return text[:start], text[start:]


def _end(text: str, eol: str) -> str:
    end = ""
    while text.endswith(end + eol):
        end += eol
    return end
