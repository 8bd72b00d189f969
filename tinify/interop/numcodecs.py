# SPDX-License-Identifier: Apache-2.0
"""The codec for numcodecs: compressor of zarr format 2, kerchunk and others. Entry point `numcodecs.codecs`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numcodecs.abc import Codec
from numcodecs.compat import ensure_contiguous_ndarray_like, ndarray_copy

from tinify.interop.arrays import ArrayCodec


class Tinify(Codec):
    """`Tinify(codec="series-mixing", max_error=0.01)`: arguments and errors of `tinify.interop.arrays.ArrayCodec`.

    chunk ──► encode ──► .tnf ──► decode ──► chunk, flat, in the order in memory that it had
    """

    codec_id = "tinify"

    def __init__(self, codec: str = ArrayCodec.codec, **options: Any) -> None:
        self._codec = ArrayCodec(codec, **options)

    def encode(self, buf: Any) -> bytes:
        """An array of numbers; a plain buffer is a series of bytes."""
        chunk = np.asarray(buf)
        # An array in Fortran's order is, in memory, its transpose, and comes back so.
        transposed = chunk.flags.f_contiguous and not chunk.flags.c_contiguous
        return self._codec.encode(chunk.T if transposed else chunk, describe=True)

    def decode(self, buf: Any, out: Any = None) -> Any:
        data = ensure_contiguous_ndarray_like(buf).tobytes()
        chunk = self._codec.decode(data).reshape(-1)
        return chunk if out is None else ndarray_copy(chunk, out)

    def get_config(self) -> dict[str, Any]:
        return {"id": self.codec_id, **self._codec.config()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Tinify:
        made = cls.__new__(cls)
        made._codec = ArrayCodec.of_config({key: value for key, value in config.items() if key != "id"})
        return made

    def __repr__(self) -> str:
        return f"Tinify({', '.join(f'{key}={value!r}' for key, value in self._codec.config().items())})"
