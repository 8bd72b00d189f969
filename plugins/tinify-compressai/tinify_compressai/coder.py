# SPDX-License-Identifier: Apache-2.0
"""CompressAI's own rANS, `compressai.ans`, as a coder. Its streams are those of `rans64`, to the byte."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinify import registry
from tinify.errors import DesyncError, InputError
from tinify_compressai.foreign import part

# Beyond the bins a value is written in nibbles. At eight of them CompressAI's encoder never ends, and its decoder
# takes the highest bit for a sign.
_ENDLESS = 1 << 28
# Its encoder has a word of memory for each symbol, and writes two more words at the end.
_SHORT = 8


@dataclass(frozen=True, eq=False)
class Tables:
    """Tables as lists, which CompressAI's coder takes, and `rans64`'s handle of the same."""

    rows: list[list[int]]
    lengths: list[int]
    offsets: list[int]
    native: Any

    def beyond(self, symbols: np.ndarray, indexes: np.ndarray) -> int:
        """The largest number that an escape of these symbols writes; 0 where none is outside the bins."""
        if not symbols.size:
            return 0
        most = np.array(self.lengths, np.int64)[indexes] - 2
        value = symbols.astype(np.int64) - np.array(self.offsets, np.int64)[indexes]
        return int(np.where(value < 0, -2 * value - 1, 2 * (value - most)).max(initial=0))


class Ans:
    """`compressai.ans` with the contract of kind "coder" (see `tinify.testing.check_coder`).

    Slower than `rans64`, which reads and writes the same streams: for comparisons, and for those who want CompressAI's
    coder itself. What it reads is encoded again and compared, so that damaged bytes are a DesyncError.
    Streams of fewer than 8 symbols, or with values further than 2^27 beyond their bins, are written by `rans64`:
    CompressAI's encoder overruns its memory at the former and does not end at the latter. The bytes are the same.

    Source: Begaint et al. 2020, arXiv:2011.03029, over ryg_rans (Giesen 2014, arXiv:1402.3392).
    """

    def __init__(self) -> None:
        self._ans = part("ans")
        self._rans64 = registry.build("coder", "rans64")

    def tables(self, cdfs: Any, lengths: Any, offsets: Any) -> Tables:
        """As of every coder (tinify/coders/base.py); the handle serves this one alone."""
        native = self._rans64.tables(cdfs, lengths, offsets)  # it checks them
        cdfs, lengths, offsets = (np.asarray(array) for array in (cdfs, lengths, offsets))
        return Tables(cdfs.tolist(), lengths.tolist(), offsets.tolist(), native)

    def encode(self, symbols: Any, indexes: Any, tables: Tables) -> bytes:
        """One stream of all symbols. InputError."""
        encoder = self.encoder()
        encoder.push(symbols, indexes, tables)
        return encoder.finish()

    def decode(self, data: bytes, indexes: Any, tables: Tables, out: Any = None) -> np.ndarray:
        """The symbols of a stream, int32, in the shape of `indexes`. FormatError, DesyncError."""
        flat = _indexes(indexes, tables)
        reader = self._ans.RansDecoder()
        padded = bytes(data) + bytes(_padding(len(data), flat.size))
        found = reader.decode_with_indexes(padded, flat.tolist(), tables.rows, tables.lengths, tables.offsets)
        symbols = np.array(found, np.int32)
        if self.encode(symbols, flat, tables) != data:
            # Damaged, or with values that CompressAI's decoder misreads: rans64 knows.
            symbols = self._rans64.decode(bytes(data), flat, tables.native)
            if self._rans64.encode(symbols, flat, tables.native) != data:
                raise DesyncError("the stream is not that of the decoded symbols: it is damaged")
        return _shaped(symbols, indexes, out)

    def encoder(self) -> Encoder:
        """An empty stream, for segments with tables or indexes of their own."""
        return Encoder(self._ans, self._rans64)

    def decoder(self, data: bytes) -> Decoder:
        """A reader of `data`, in pieces of any size."""
        return Decoder(self, bytes(data))


class Encoder:
    """`push(symbols, indexes, tables)` ... `finish() -> bytes`."""

    def __init__(self, ans: Any, rans64: Any) -> None:
        self._ans, self._rans64 = ans, rans64
        self._segments: list[tuple[np.ndarray, np.ndarray, Tables]] = []

    def push(self, symbols: Any, indexes: Any, tables: Tables) -> None:
        """Adds symbols, each under the row that its index names. InputError."""
        flat = _indexes(indexes, tables)
        values = np.asarray(symbols).reshape(-1)
        if values.dtype.kind not in "iu" or values.size != flat.size:
            raise InputError(
                f"{values.size} symbols of {values.dtype} under {flat.size} indexes; allowed: as many ints"
            )
        if values.size and not -(2**31) <= int(values.min()) <= int(values.max()) < 2**31:
            raise InputError(f"symbols from {values.min()} to {values.max()}; allowed: those of 32 bits")
        self._segments.append((values.astype(np.int32), flat, tables))

    def finish(self) -> bytes:
        """The stream of all segments; the encoder is then empty."""
        segments, self._segments = self._segments, []
        few = sum(values.size for values, _, _ in segments) < _SHORT
        if few or any(tables.beyond(values, rows) >= _ENDLESS for values, rows, tables in segments):
            native = self._rans64.encoder()
            for values, rows, tables in segments:
                native.push(values, rows, tables.native)
            return native.finish()
        encoder = self._ans.BufferedRansEncoder()
        for values, rows, tables in segments:
            encoder.encode_with_indexes(values.tolist(), rows.tolist(), tables.rows, tables.lengths, tables.offsets)
        return encoder.flush()


class Decoder:
    """`pull(indexes, tables) -> symbols` ... `finish()`, which tells whether all that was pulled is what was pushed."""

    def __init__(self, coder: Ans, data: bytes) -> None:
        self._coder, self._data = coder, data
        self._pulled: list[tuple[np.ndarray, np.ndarray, Tables]] = []
        self._room = 0
        self._reader: Any = None

    def pull(self, indexes: Any, tables: Tables, out: Any = None) -> np.ndarray:
        """The next symbols, int32, in the shape of `indexes`. DesyncError for values that CompressAI misreads."""
        flat = _indexes(indexes, tables)
        self._make_room(flat.size)
        symbols = self._next(flat, tables)
        self._pulled.append((symbols, flat, tables))
        return _shaped(symbols, indexes, out)

    def finish(self) -> None:
        """DesyncError where the stream is not exactly that of the pulled symbols."""
        encoder = self._coder.encoder()
        for symbols, flat, tables in self._pulled:
            encoder.push(symbols, flat, tables)
        if encoder.finish() != self._data:
            raise DesyncError("the stream is not that of the decoded symbols: it is damaged or made with other tables")

    def _next(self, flat: np.ndarray, tables: Tables) -> np.ndarray:
        found = self._reader.decode_stream(flat.tolist(), tables.rows, tables.lengths, tables.offsets)
        return np.array(found, np.int32)

    def _make_room(self, count: int) -> None:
        """CompressAI reads on beyond the end of its stream: zeros must stand there, for every symbol to come."""
        done = sum(flat.size for _, flat, _ in self._pulled)
        if self._reader is not None and done + count <= self._room:
            return
        self._room = 2 * (done + count) + 1024
        self._reader = self._coder._ans.RansDecoder()
        self._reader.set_stream(self._data + bytes(_padding(len(self._data), self._room)))
        for _, flat, tables in self._pulled:
            self._next(flat, tables)


def _padding(size: int, count: int) -> int:
    """Bytes that CompressAI's decoder may read beyond `size` when it decodes `count` symbols, whatever they are.

    A symbol takes 16 bits and, escaped, 4 more at least; a nibble of ones in the stream asks for 15 nibbles more.
    """
    return 16 * size + 4 * count + 64


def _indexes(indexes: Any, tables: Tables) -> np.ndarray:
    flat = np.asarray(indexes).reshape(-1)
    if flat.dtype.kind not in "iu":
        raise InputError(f"indexes are {flat.dtype}; allowed: integers")
    if flat.size and not 0 <= int(flat.min()) <= int(flat.max()) < len(tables.lengths):
        raise InputError(f"indexes from {flat.min()} to {flat.max()}; the tables have {len(tables.lengths)} rows")
    return flat.astype(np.int64)


def _shaped(symbols: np.ndarray, indexes: Any, out: Any) -> np.ndarray:
    shape = np.asarray(indexes).shape
    if out is None:
        return symbols.reshape(shape)
    target = np.asarray(out)
    if target.dtype != np.int32 or target.shape != shape:
        raise InputError(f"out is {target.dtype} of {target.shape}; allowed: int32 of {shape}")
    target[...] = symbols.reshape(shape)
    return target
