# SPDX-License-Identifier: Apache-2.0
"""CompressAI's `ans` module: the same names, methods and bytes, over arrays or lists.

    from tinify import ans          # instead of: from compressai import ans

Symbols, indexes and tables may be NumPy arrays, CPU tensors, or (nested, also ragged) lists. Decoders give a list where
the indexes came as a list, as CompressAI does, and an int32 array otherwise. Tables met in the last few calls are kept,
so passing them again costs a comparison; arrays are much faster than lists.
What CompressAI answers with a crash, an endless loop or wrong symbols is an error of `tinify.errors` here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinify import _core
from tinify.errors import InputError

__all__ = ["BufferedRansEncoder", "RansDecoder", "RansEncoder"]

_KEPT_TABLES = 8
_kept: list[_core.Tables] = []


def _integers(values: Any, what: str) -> Any:
    if not isinstance(values, (list, tuple)):
        return values
    array = np.asarray(values) if len(values) else np.zeros(0, np.int32)
    if array.dtype.kind not in "iu":
        raise InputError(f"{what} are not integers of at most 64 bits; round and convert them first")
    return array


def _tables(cdfs: Any, sizes: Any, offsets: Any) -> _core.Tables:
    sizes, offsets = _integers(sizes, "cdf sizes"), _integers(offsets, "offsets")
    if isinstance(cdfs, (list, tuple)):
        cdfs = _core.rows_of_lists(list(cdfs), sizes)
    for place, handle in enumerate(_kept):
        if handle.same_as(cdfs, sizes, offsets):
            if place:
                _kept.insert(0, _kept.pop(place))
            return handle
    handle = _core.make_tables(cdfs, sizes, offsets)
    _kept.insert(0, handle)
    del _kept[_KEPT_TABLES:]
    return handle


class RansEncoder:
    """One stream from one call."""

    def encode_with_indexes(self, symbols: Any, indexes: Any, cdfs: Any, cdfs_sizes: Any, offsets: Any) -> bytes:
        """The stream of `symbols` (integers), each under row `indexes` of the 16-bit `cdfs` (rows, width)."""
        tables = _tables(cdfs, cdfs_sizes, offsets)
        return _core.Rans64Encoder.encode(_integers(symbols, "symbols"), _integers(indexes, "indexes"), tables)


class BufferedRansEncoder:
    """One stream from several calls; `flush` ends it, and the encoder is empty again."""

    def __init__(self) -> None:
        self._native = _core.Rans64Encoder()

    def encode_with_indexes(self, symbols: Any, indexes: Any, cdfs: Any, cdfs_sizes: Any, offsets: Any) -> None:
        tables = _tables(cdfs, cdfs_sizes, offsets)
        self._native.push(_integers(symbols, "symbols"), _integers(indexes, "indexes"), tables)

    def flush(self) -> bytes:
        return self._native.finish()


class RansDecoder:
    """Reads streams of either encoder, whole (`decode_with_indexes`) or by pieces (`set_stream`, `decode_stream`)."""

    def __init__(self) -> None:
        self._native: Any = None

    def decode_with_indexes(self, encoded: bytes, indexes: Any, cdfs: Any, cdfs_sizes: Any, offsets: Any) -> Any:
        """All symbols of a stream; DesyncError where it does not end with them."""
        tables = _tables(cdfs, cdfs_sizes, offsets)
        values = _core.Rans64Decoder.decode(bytes(encoded), _integers(indexes, "indexes"), tables)
        return values.tolist() if isinstance(indexes, (list, tuple)) else values

    def set_stream(self, encoded: bytes) -> None:
        self._native = _core.Rans64Decoder(bytes(encoded))

    def decode_stream(self, indexes: Any, cdfs: Any, cdfs_sizes: Any, offsets: Any) -> Any:
        """The next symbols of the stream that `set_stream` gave."""
        if self._native is None:
            raise InputError("decode_stream needs a stream: call set_stream first")
        values = self._native.pull(_integers(indexes, "indexes"), _tables(cdfs, cdfs_sizes, offsets))
        return values.tolist() if isinstance(indexes, (list, tuple)) else values
