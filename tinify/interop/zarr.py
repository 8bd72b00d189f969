# SPDX-License-Identifier: Apache-2.0
"""The codec for zarr, format 3: what makes bytes of a chunk. Entry point `zarr.codecs`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import numpy as np
from zarr.abc.codec import ArrayBytesCodec

from tinify.errors import ConfigError
from tinify.interop.arrays import ArrayCodec

NAME = "tinify"


@dataclass(frozen=True, init=False)
class Tinify(ArrayBytesCodec):
    """`zarr.create_array(..., serializer=Tinify(max_error=0.01), compressors=None)`: arguments and errors of
    `tinify.interop.arrays.ArrayCodec`.

    chunk ──► .tnf ──► store     in threads, as zarr does it; no compressor behind it finds anything
    """

    is_fixed_size = False
    array_codec: ArrayCodec

    def __init__(self, codec: str = ArrayCodec.codec, **options: Any) -> None:
        object.__setattr__(self, "array_codec", ArrayCodec(codec, **options))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Tinify:
        config = data.get("configuration") or {}
        if data.get("name") != NAME:
            raise ConfigError(f"the codec is called {data.get('name')!r}, not {NAME!r}")
        made = cls.__new__(cls)
        object.__setattr__(made, "array_codec", ArrayCodec.of_config(config))
        return made

    def to_dict(self) -> dict[str, Any]:
        return {"name": NAME, "configuration": self.array_codec.config()}

    def validate(self, *, shape: tuple[int, ...], dtype: Any, chunk_grid: Any) -> None:
        """ConfigError where arrays of this type and chunks of this shape cannot be coded so."""
        self.array_codec.check(_native(dtype), tuple(getattr(chunk_grid, "chunk_shape", shape)))

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: Any) -> int:
        raise NotImplementedError("the size of a chunk depends on what is in it")

    def _encode_sync(self, chunk_data: Any, chunk_spec: Any) -> Any:
        return chunk_spec.prototype.buffer.from_bytes(self.array_codec.encode(chunk_data.as_numpy_array()))

    def _decode_sync(self, chunk_data: Any, chunk_spec: Any) -> Any:
        shape, dtype = tuple(chunk_spec.shape), _native(chunk_spec.dtype)
        chunk = self.array_codec.decode(chunk_data.to_bytes(), dtype, shape)
        return chunk_spec.prototype.nd_buffer.from_numpy_array(chunk)

    async def _encode_single(self, chunk_data: Any, chunk_spec: Any) -> Any:
        return await asyncio.to_thread(self._encode_sync, chunk_data, chunk_spec)

    async def _decode_single(self, chunk_data: Any, chunk_spec: Any) -> Any:
        return await asyncio.to_thread(self._decode_sync, chunk_data, chunk_spec)


def _native(dtype: Any) -> np.dtype:
    """NumPy's type of zarr's; before zarr 3.1 they were the same."""
    return dtype.to_native_dtype() if hasattr(dtype, "to_native_dtype") else np.dtype(dtype)
