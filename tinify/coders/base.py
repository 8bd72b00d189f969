# SPDX-License-Identifier: Apache-2.0
"""What every entropy coder does, over buffers: integers and integer tables in, bytes out, and back."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from tinify import _core


class Encoder:
    """A stream in the making: `push` segment after segment, then `finish`.

    push(symbols, indexes, tables) ... finish() -> bytes
    """

    def __init__(self, native: Any):
        self._native = native

    def push(self, symbols: Any, indexes: Any, tables: _core.Tables) -> None:
        """Adds symbols, each under the row of `tables` that its index names; arrays as in `Coder.encode`."""
        self._native.push(symbols, indexes, tables)

    def finish(self) -> bytes:
        """The stream of all segments; the encoder is then empty, for the next stream."""
        return self._native.finish()


class Decoder:
    """Reads a stream back in the order in which it was pushed, in pieces of any size.

    pull(indexes, tables) -> symbols ... finish()
    """

    def __init__(self, native: Any):
        self._native = native

    def pull(self, indexes: Any, tables: _core.Tables, out: Any = None) -> np.ndarray:
        """The next symbols, int32, in the shape of `indexes`. DesyncError where the stream cannot give them."""
        return self._native.pull(indexes, tables, out)

    def finish(self) -> None:
        """Checks that the stream ends here as its encoder left it; DesyncError otherwise."""
        self._native.finish()


class Coder:
    """Codes integers under 16-bit CDF tables.

        symbols, indexes + tables -> encode -> bytes -> decode -> symbols

    Arrays are NumPy or CPU torch, contiguous (else copied once), of any shape: `symbols` and `indexes` of any integer
    type up to 64 bits with values that fit in 32; `indexes` name the row of the tables for each symbol, and have the
    symbols' shape. int32 symbols with uint8, int16 or int32 indexes are read in place. The GIL is released.
    A value beyond its row's bins is escaped and costs more bits; any int32 value can be coded.
    Raises InputError for what cannot be coded, FormatError for bytes that are no stream of this coder, and DesyncError
    (a FormatError too) for those that these tables and indexes do not decode: damaged, cut off, or made with others.
    """

    _encoder: ClassVar[type]
    _decoder: ClassVar[type]

    def tables(self, cdfs: Any, lengths: Any, offsets: Any) -> _core.Tables:
        """Registers tables; keep the handle, since making it costs more than coding a small stream.

        cdfs (rows, width) integers: row r rises strictly from 0 to 65536 in its first lengths[r] entries; its last bin
        stands for every value outside. offsets (rows,): the value of each row's first bin. At most 65536 rows.
        The handle is read-only, may be shared by threads, and serves every coder.
        """
        return _core.make_tables(cdfs, lengths, offsets)

    def encode(self, symbols: Any, indexes: Any, tables: _core.Tables) -> bytes:
        """One stream of all symbols, in C order."""
        return self._encoder.encode(symbols, indexes, tables)

    def decode(self, data: bytes, indexes: Any, tables: _core.Tables, out: Any = None) -> np.ndarray:
        """The symbols of a stream of `encode`, int32, in the shape of `indexes`; into `out` (int32) if given."""
        return self._decoder.decode(bytes(data), indexes, tables, out)

    def encoder(self) -> Encoder:
        """An empty stream, for segments with tables or indexes of their own."""
        return Encoder(self._encoder())

    def decoder(self, data: bytes) -> Decoder:
        """A reader of `data`; FormatError when its head is damaged."""
        return Decoder(self._decoder(bytes(data)))
