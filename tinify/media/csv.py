# SPDX-License-Identifier: Apache-2.0
"""CSV files: numbers become the channels of a series, everything else travels losslessly beside them.

    text -> columns -> number columns          samples (T, C) float64, NaN for gaps
                       one time column         metadata "time": deltas, squeezed
                       other columns, header, dialect, decimals, spelling of gaps: metadata "csv"

A column is a number column when each of its cells is a number or a gap, unless it is a time column, a row number or
an identifier (named id or with leading zeros), which a lossy codec must not touch.

Format of "csv": varint, that many bytes of squeezed JSON, then each exact column (time apart) as varint and bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import BinaryIO

import numpy as np

from tinify.container import varint
from tinify.errors import FormatError, InputError
from tinify.media.csv_text import Dialect, join, quoting, split
from tinify.media.exact_column import decode_column, encode_column
from tinify.media.format import MediaFormat
from tinify.media.numbers import NumberStyle, format_numbers, is_gap, is_number, parse_numbers
from tinify.media.squeeze import squeeze, unsqueeze
from tinify.media.timestamps import looks_like_time
from tinify.signal import Signal

MAX_DESCRIPTION = 1 << 26
MAX_COLUMNS = 1 << 16
_TIME_WORDS = {"time", "timestamp", "timestamps", "date", "datetime", "epoch", "ts", "unixtime", "unix", "utc", "zeit"}
_TIME_WORDS |= {"datum", "t"}
_ID_WORDS = {"id", "index", "idx", "key"}
TIME, EXACT = "t", "x"
# Part of the format: descriptions are deflated with it, so a change needs a new name for the metadata entry.
_HINT = (
    b'{"columns":["t","x",[],[2,2],[0,8],[1,8],[1,-1,0,0,"",[1,1]],"names":["timestamp","time","date","id","value"],'
    b'"dialect":{"encoding":"cp1252","bom":true,"space":true,"quoting":"strings","end":"","eol":"\\r\\n",'
    b'"delimiter":"\\t","delimiter":";","eol":"\\r\\n"},"strings":[0]}'
)


def sniff(start: bytes) -> bool:
    """Whether the bytes begin a text with numbers in it."""
    if b"\0" in start and not start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return False
    encoding = "utf-16" if start.startswith((b"\xff\xfe", b"\xfe\xff")) else "latin-1"
    text = start.decode(encoding, errors="replace")
    plain = all(character.isprintable() or character in "\t\r\n\ufeff" for character in text)
    return plain and re.search(r"(^|[\s,;|\"])[+-]?\d", text) is not None


def read(data: bytes, extension: str = "") -> Signal:
    """A series from CSV text. InputError: no rows, no numbers, rows of unequal length (with the line)."""
    rows, dialect, text = split(data)
    if not rows:
        raise InputError("the file holds no rows")
    comma = dialect.delimiter != ","
    header = _has_header(rows, comma)
    names = rows[0] if header else None
    columns = [list(column) for column in zip(*rows[header:], strict=True)] or [[] for _ in rows[0]]
    kinds, channels = _sort_columns(columns, names, comma)
    strings = [not _all_numbers(column, comma) for column in columns]
    habit = quoting(rows, strings, dialect, text, header)
    description = {
        "columns": [kind.to_list() if isinstance(kind, NumberStyle) else kind for kind in kinds],
        "names": names,
        "dialect": dialect.to_dict() | ({"quoting": habit} if habit != "needed" else {}),
        "strings": [number for number, quoted in enumerate(strings) if quoted] if habit == "strings" else None,
    }
    text = json.dumps({k: v for k, v in description.items() if v}, separators=(",", ":"), ensure_ascii=False)
    metadata = {"csv": _with_length(squeeze(text.encode("utf-8"), _HINT))}
    for kind, column in zip(kinds, columns, strict=True):
        if kind == TIME:
            metadata["time"] = encode_column(column)
        elif kind == EXACT:
            metadata["csv"] += _with_length(encode_column(column))
    samples = np.stack(channels, axis=1) if channels else np.zeros((len(columns[0]), 0))
    return Signal("series", samples, metadata)


def _with_length(data: bytes) -> bytes:
    return varint.put(len(data)) + data


def _all_numbers(column: list[str], comma: bool) -> bool:
    return all(is_number(cell, comma) or is_gap(cell) for cell in column)


def _has_header(rows: list[list[str]], comma: bool) -> bool:
    """The first row has names: none of it is a value, or a column holds values from the second row on only."""

    def is_value(cell: str) -> bool:
        return is_number(cell, comma) or looks_like_time(cell) or is_gap(cell)

    if all(is_gap(cell) for cell in rows[0]):
        return False
    if not any(is_value(cell) and cell.strip() for cell in rows[0]):
        return True
    named = [number for number, cell in enumerate(rows[0]) if not is_value(cell)]
    return len(rows) > 1 and any(all(is_value(row[number]) for row in rows[1:]) for number in named)


def _sort_columns(
    columns: list[list[str]], names: list[str] | None, comma: bool
) -> tuple[list[NumberStyle | str], list[np.ndarray]]:
    """Per column its style, TIME or EXACT; and the channels, in the order of their columns."""
    if not columns[0]:
        return [NumberStyle() for _ in columns], [np.zeros(0) for _ in columns]
    parsed = [None if column[0] and looks_like_time(column[0]) else parse_numbers(column, comma) for column in columns]
    names = names or [""] * len(columns)
    kept = [number for number, found in enumerate(parsed) if found]
    if not kept:
        raise InputError("no column holds numbers, so that there is no series in it; a general compressor suits text")
    exact = [n for n in kept if _is_time(names[n], parsed[n][0])]
    exact += [n for n in kept if n not in exact and _is_identifier(names[n], *parsed[n])]
    # A file of nothing but time or row numbers still is a series.
    exact = exact if len(exact) < len(kept) else []
    kinds: list[NumberStyle | str] = [found[1] if found else EXACT for found in parsed]
    for number in exact:
        kinds[number] = EXACT
    times = [n for n, column in enumerate(columns) if kinds[n] == EXACT and looks_like_time(column[0])]
    times += [n for n in exact if _is_time(names[n], parsed[n][0])]
    if times:
        kinds[times[0]] = TIME
    return kinds, [parsed[n][0] for n in kept if n not in exact]


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", name.lower())


def _is_time(name: str, values: np.ndarray) -> bool:
    words = _words(name)
    return bool(words) and words[0] in _TIME_WORDS and not np.isnan(values).any() and bool((np.diff(values) >= 0).all())


def _is_identifier(name: str, values: np.ndarray, style: NumberStyle) -> bool:
    """Row numbers (equal integer steps) and integers of a column called id, index or key."""
    if style.high != 0 or np.isnan(values).any():
        return False
    if _ID_WORDS & set(_words(name)[-1:]):
        return True
    steps = np.diff(values)
    return len(steps) > 1 and steps[0] != 0 and bool((steps == steps[0]).all())


def write(signal: Signal, file: BinaryIO, extension: str) -> None:
    """Writes CSV text that looks as the one that was read; other series get a header x0, x1, ... and all digits."""
    if signal.modality != "series" or signal.samples.ndim != 2:
        raise InputError(f"a {signal.modality} of shape {signal.samples.shape} is no series; write it as .npy")
    if "csv" in signal.metadata:
        file.write(_restored(signal))
        return
    samples = signal.samples
    names = [f"x{number}" for number in range(samples.shape[1])]
    integers = samples.dtype.kind in "bui"
    columns = [column.tolist() if integers else ["" if v != v else str(v) for v in column] for column in samples.T]
    rows = [names, *([str(cell) for cell in row] for row in zip(*columns, strict=True))]
    file.write(join(rows, [False] * len(names), Dialect(delimiter="\t" if extension == ".tsv" else ","), header=True))


def _restored(signal: Signal) -> bytes:
    description, position = _description(signal.metadata["csv"])
    count, kinds = signal.samples.shape[0], description["columns"]
    channels = iter(np.asarray(signal.samples, dtype=np.float64).T)
    if sum(isinstance(kind, list) for kind in kinds) != signal.samples.shape[1]:
        raise FormatError("the CSV description does not fit the number of channels")
    columns = []
    for kind in kinds:
        if isinstance(kind, list):
            columns.append(format_numbers(next(channels), NumberStyle.from_list(kind)))
        elif kind == TIME and "time" in signal.metadata:
            columns.append(decode_column(signal.metadata["time"], count))
        else:
            blob, position = _blob(signal.metadata["csv"], position)
            columns.append(decode_column(blob, count))
    names = description.get("names")
    rows = [names] if names else []
    rows += zip(*columns, strict=True)
    strings = [number in description.get("strings", ()) for number in range(len(kinds))]
    return join(rows, strings, Dialect.from_dict(description.get("dialect", {})), header=bool(names))


def cut(metadata: Mapping[str, bytes], total: int, start: int, stop: int) -> dict[str, bytes]:
    """The metadata of rows start to stop of a series of `total` rows: exact columns and times of these rows alone."""
    metadata = dict(metadata)
    if "csv" not in metadata:
        return metadata

    def shorter(column: bytes) -> bytes:
        return encode_column(decode_column(column, total)[start:stop])

    description, position = _description(metadata["csv"])
    parts = [metadata["csv"][:position]]
    while position < len(metadata["csv"]):
        column, position = _blob(metadata["csv"], position)
        parts.append(_with_length(shorter(column)))
    metadata["csv"] = b"".join(parts)
    if "time" in metadata and TIME in description["columns"]:
        metadata["time"] = shorter(metadata["time"])
    return metadata


def _blob(data: bytes, position: int) -> tuple[bytes, int]:
    length, position = varint.get(data, position)
    if length > len(data) - position:
        raise FormatError("the CSV description is cut off")
    return data[position : position + length], position + length


def _description(data: bytes) -> tuple[dict, int]:
    blob, position = _blob(data, 0)
    try:
        description = json.loads(unsqueeze(blob, MAX_DESCRIPTION, _HINT))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"the CSV description is damaged: {error}") from error
    if not isinstance(description, dict) or not _is_sound(description):
        raise FormatError("the CSV description is damaged")
    return description, position


def _is_sound(description: dict) -> bool:
    columns, names = description.get("columns"), description.get("names", [])
    strings = description.get("strings", [])
    if not isinstance(description.get("dialect", {}), dict):
        return False
    if not isinstance(columns, list) or not isinstance(names, list) or not isinstance(strings, list):
        return False
    if not 0 < len(columns) <= MAX_COLUMNS or (names and len(names) != len(columns)):
        return False
    return all(isinstance(name, str) for name in names) and all(isinstance(c, list | str) for c in columns)


def channel_names(signal: Signal) -> list[str]:
    """What the header of the CSV calls the channels; nothing where there is no header or no CSV."""
    if "csv" not in signal.metadata:
        return []
    description, _ = _description(signal.metadata["csv"])
    names = description.get("names") or []
    return [name for name, kind in zip(names, description["columns"], strict=False) if not isinstance(kind, str)]


def restores(signal: Signal) -> str | None:
    if signal.modality != "series" or "csv" not in signal.metadata:
        return None
    return ".tsv" if _description(signal.metadata["csv"])[0].get("dialect", {}).get("delimiter") == "\t" else ".csv"


FORMAT = MediaFormat("csv", "series", (".csv", ".tsv"), sniff, read, write, restores)
