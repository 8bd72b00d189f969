# SPDX-License-Identifier: Apache-2.0
"""The coders of constriction with the contract of kind "coder" (see `tinify.testing.check_coder`).

    symbols, indexes -> bins, values outside -> calls of constriction -> words
    4 bytes   CRC-32 of the symbols as little-endian int32
    varint    number of values outside their row's bins; these as little-endian int32
    ...       the coder's words, little-endian uint32

Symbols stay in their order, so that a reader can pull them in pieces of any size. Where many in a row share a table,
each such run is a call with that table's model; elsewhere a call takes the shares of all bins for each of its symbols.
The bits are the same, so writer and reader need not choose alike.
"""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from constriction import stream

from tinify import registry
from tinify.errors import DesyncError, FormatError, InputError

_TOTAL = 1 << 16
_FAMILY = stream.model.Categorical(perfect=False)
_CRC = 4
_SHORT = 16  # symbols of a run, in the mean, below which their shares are spelled out
_NUMBERS = 1 << 18  # shares that are spelled out at a time: bounds the memory


@dataclass(frozen=True, eq=False)
class Tables:
    """The shares of bins (rows, width), and a model for each row. The last of a row's `bins` is for values outside."""

    shares: np.ndarray
    models: list[Any]
    bins: np.ndarray
    offsets: np.ndarray

    def calls(self, rows: np.ndarray) -> tuple[list[slice], bool]:
        """The calls that code symbols of these rows, and whether each is of one row."""
        edges = [0, *(np.flatnonzero(rows[1:] != rows[:-1]) + 1).tolist(), len(rows)] if len(rows) else [0]
        alike = len(rows) >= _SHORT * (len(edges) - 1)
        if not alike:
            edges = [*range(0, len(rows), max(1, _NUMBERS // self.shares.shape[1])), len(rows)]
        return [slice(start, stop) for start, stop in pairwise(edges)], alike

    def told(self, rows: np.ndarray, alike: bool) -> tuple[Any, ...]:
        """What constriction is told of the symbols of a call: a model, or the family and the shares of each."""
        return (self.models[rows[0]],) if alike else (_FAMILY, self.shares[rows])


Segment = tuple[np.ndarray, np.ndarray, Tables]
"""Bins, rows, tables."""


class Coder(ABC):
    """What both coders share: tables, the values outside them, the check of the symbols."""

    def tables(self, cdfs: Any, lengths: Any, offsets: Any) -> Tables:
        """As of every coder (tinify/coders/base.py). InputError for rows that do not rise from 0 to 65536.

        constriction takes floating-point shares, here exact ones, and rounds them to 24 bits by sums and products that
        are the same on every machine.
        """
        registry.build("coder", "rans32").tables(cdfs, lengths, offsets)  # checks them
        cdfs, lengths, offsets = (np.asarray(array, np.int64) for array in (cdfs, lengths, offsets))
        # Bins that a row does not have cost it 2^-24 each. constriction has no model of a single bin.
        shares = np.zeros((len(cdfs), max(2, cdfs.shape[1] - 1)))
        for row, (cdf, length) in enumerate(zip(cdfs, lengths, strict=True)):
            shares[row, : length - 1] = np.diff(cdf[:length]) / _TOTAL
        models = [stream.model.Categorical(row, perfect=False) for row in shares]
        return Tables(shares, models, lengths - 1, offsets)

    def encode(self, symbols: Any, indexes: Any, tables: Tables) -> bytes:
        """One stream of all symbols, in C order. InputError."""
        encoder = self.encoder()
        encoder.push(symbols, indexes, tables)
        return encoder.finish()

    def decode(self, data: bytes, indexes: Any, tables: Tables, out: Any = None) -> np.ndarray:
        """The symbols of a stream, int32, in the shape of `indexes`; into `out` if given. FormatError, DesyncError."""
        decoder = self.decoder(data)
        symbols = decoder.pull(indexes, tables, out)
        decoder.finish()
        return symbols

    def encoder(self) -> Encoder:
        """An empty stream, for segments with tables or indexes of their own."""
        return Encoder(self)

    def decoder(self, data: bytes) -> Decoder:
        """A reader of `data`. FormatError."""
        return Decoder(self, bytes(data))

    @abstractmethod
    def words(self, segments: list[Segment]) -> np.ndarray:
        """The stream of all segments."""

    @abstractmethod
    def reader(self, words: np.ndarray) -> Any:
        """Something with `decode`."""


class Range(Coder):
    """`constriction-range`: first in, first out. Source: Bamler 2022, arXiv:2201.01741; Martin 1979."""

    def words(self, segments: list[Segment]) -> np.ndarray:
        encoder = stream.queue.RangeEncoder()
        for bins, rows, tables in segments:
            parts, alike = tables.calls(rows)
            for part in parts:
                encoder.encode(bins[part], *tables.told(rows[part], alike))
        return encoder.get_compressed()

    def reader(self, words: np.ndarray) -> Any:
        return stream.queue.RangeDecoder(words)


class Ans(Coder):
    """`constriction-ans`: last in, first out, so encoded from the end. Source: Bamler 2022; Duda 2013."""

    def words(self, segments: list[Segment]) -> np.ndarray:
        coder = stream.stack.AnsCoder()
        for bins, rows, tables in reversed(segments):
            parts, alike = tables.calls(rows)
            for part in reversed(parts):
                coder.encode_reverse(bins[part], *tables.told(rows[part], alike))
        return coder.get_compressed()

    def reader(self, words: np.ndarray) -> Any:
        return stream.stack.AnsCoder(words)


class Encoder:
    """`push(symbols, indexes, tables)` ... `finish() -> bytes`."""

    def __init__(self, coder: Coder):
        self._coder = coder
        self._clear()

    def push(self, symbols: Any, indexes: Any, tables: Tables) -> None:
        """Adds symbols, each under the row that its index names. InputError."""
        rows, values = _rows(indexes, tables), _values(symbols)
        if values.shape != rows.shape:
            raise InputError(f"{values.size} symbols under {rows.size} indexes; allowed: as many")
        bins = values - tables.offsets[rows]
        most = tables.bins[rows] - 1
        outside = (bins < 0) | (bins >= most)
        bins = np.where(outside, most, bins).astype(np.int32)
        self._segments.append((bins, rows, tables))
        self._outside.append(values[outside])
        self._crc = zlib.crc32(values.astype("<i4"), self._crc)

    def finish(self) -> bytes:
        """The stream of all segments; the encoder is then empty."""
        outside = np.concatenate([*self._outside, np.empty(0, np.int64)]).astype("<i4")
        words = self._coder.words(self._segments).astype("<u4")
        data = self._crc.to_bytes(_CRC, "little") + _varint(len(outside)) + outside.tobytes() + words.tobytes()
        self._clear()
        return data

    def _clear(self) -> None:
        self._segments: list[Segment] = []
        self._outside: list[np.ndarray] = []
        self._crc = 0


class Decoder:
    """`pull(indexes, tables) -> symbols` ... `finish()`, which tells whether all of them are what was pushed."""

    def __init__(self, coder: Coder, data: bytes):
        count, start = _read_varint(data, _CRC)
        end = start + 4 * count
        if end > len(data) or (len(data) - end) % 4:
            raise FormatError(f"{len(data)} bytes are no stream of {type(coder).__name__}: cut off or damaged")
        self._outside = np.frombuffer(data[start:end], "<i4").astype(np.int64)
        self._stored, self._crc, self._used = int.from_bytes(data[:_CRC], "little"), 0, 0
        try:
            self._reader = coder.reader(np.frombuffer(data[end:], "<u4").astype(np.uint32))
        except Exception as error:  # what constriction says of words that no encoder of its writes
            raise FormatError(f"the words are no stream of {type(coder).__name__}: {error}") from error

    def pull(self, indexes: Any, tables: Tables, out: Any = None) -> np.ndarray:
        """The next symbols, int32, in the shape of `indexes`. DesyncError where the stream cannot give them."""
        rows = _rows(indexes, tables)
        bins = np.empty(rows.shape, np.int64)
        parts, alike = tables.calls(rows)
        for part in parts:
            count = (part.stop - part.start,) if alike else ()
            try:
                bins[part] = self._reader.decode(*tables.told(rows[part], alike), *count)
            except Exception as error:
                raise DesyncError(f"the stream does not decode under these tables: {error}") from error
        symbols = bins + tables.offsets[rows]
        outside = bins >= tables.bins[rows] - 1
        count = int(np.count_nonzero(outside))
        if count > len(self._outside) - self._used:
            raise DesyncError(f"the stream has {len(self._outside)} values outside the tables; more are asked for")
        symbols[outside] = self._outside[self._used : self._used + count]
        self._used += count
        self._crc = zlib.crc32(symbols.astype("<i4"), self._crc)
        return _shaped(symbols.astype(np.int32), np.shape(indexes), out)

    def finish(self) -> None:
        """DesyncError unless the symbols pulled are those that were pushed."""
        if self._crc != self._stored or self._used != len(self._outside):
            raise DesyncError("the symbols are not those encoded: damaged, or made with other tables or indexes")


def _rows(indexes: Any, tables: Tables) -> np.ndarray:
    rows = _values(indexes)
    if rows.size and not 0 <= rows.min() <= rows.max() < len(tables.models):
        raise InputError(f"indexes from {rows.min()} to {rows.max()}; allowed: 0 to {len(tables.models) - 1}")
    return rows


def _values(numbers: Any) -> np.ndarray:
    """Flat int64."""
    array = np.asarray(numbers)
    if array.dtype.kind not in "iu":
        raise InputError(f"symbols and indexes are integers, not {array.dtype}")
    if array.size and not -(2**31) <= int(array.min()) <= int(array.max()) < 2**31:
        raise InputError(f"values from {array.min()} to {array.max()}; allowed: those of 32 bits")
    return array.reshape(-1).astype(np.int64)


def _shaped(symbols: np.ndarray, shape: tuple[int, ...], out: Any) -> np.ndarray:
    symbols = symbols.reshape(shape)
    if out is None:
        return symbols
    target = np.asarray(out)
    if target.shape != shape or target.dtype != np.int32:
        raise InputError(f"out is {target.dtype} of {target.shape}; allowed: int32 of {shape}")
    target[...] = symbols
    return out


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for number, byte in enumerate(data[position : position + 5]):
        value |= (byte & 127) << 7 * number
        if byte < 128:
            return value, position + number + 1
    raise FormatError(f"{len(data)} bytes are no stream: cut off or damaged")
