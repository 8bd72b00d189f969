# SPDX-License-Identifier: Apache-2.0
"""CompressAI's modules made to code with tinify's `rans64`: the same bytes, and damaged ones are an error.

CompressAI's own decoder reads beyond the end of a stream that is cut off, and gives some symbols for one that is
damaged. A file may come from a stranger, so no module of this plugin's codecs reads one with it.
"""

from __future__ import annotations

import threading
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from tinify import registry

# Methods that make coders of their own from the names in their module.
_OWN_CODERS = ("_compress_ar", "_decompress_ar")


def use_rans64(model: Any) -> Any:
    """`model`, whose entropy models and context models code with `rans64` from now on; in place, once."""
    for module in model.modules():
        if hasattr(module, "entropy_coder") and not isinstance(module.entropy_coder, _Coder):
            module.entropy_coder = _Coder()
        kind = type(module)
        for name in () if issubclass(kind, Rans64Class) else _methods_of(kind):
            if name not in module.__dict__:
                module.__dict__[name] = MethodType(_with_rans64(getattr(kind, name)), module)
    return model


class Rans64Class:
    """What classes of `rans64_class` are known by."""


def rans64_class(kind: type) -> type:
    """A class of CompressAI's, of which all objects code with `rans64`, for classes that extend it."""
    methods = {name: _with_rans64(getattr(kind, name)) for name in _methods_of(kind)}
    return type(kind.__name__, (Rans64Class, kind), methods)


def _methods_of(kind: type) -> tuple[str, ...]:
    if kind.__name__ == "RasterScanLatentCodec":
        return "compress", "decompress"
    return tuple(name for name in _OWN_CODERS if hasattr(kind, name))


class _Coder:
    """In place of CompressAI's `_EntropyCoder`; tables are registered when they change."""

    name = "ans"  # what a copy or a pickle of the module is made again from

    def __init__(self) -> None:
        self._coder = registry.build("coder", "rans64")
        self._kept = threading.local()

    def encode_with_indexes(self, symbols: Any, indexes: Any, cdfs: Any, sizes: Any, offsets: Any) -> bytes:
        return self._coder.encode(_array(symbols), _array(indexes), self._tables(cdfs, sizes, offsets))

    def decode_with_indexes(self, data: bytes, indexes: Any, cdfs: Any, sizes: Any, offsets: Any) -> list[int]:
        return self._coder.decode(data, _array(indexes), self._tables(cdfs, sizes, offsets)).tolist()

    def _tables(self, cdfs: list, sizes: list, offsets: list) -> Any:
        lists = (cdfs, sizes, offsets)
        seen, tables = getattr(self._kept, "last", (None, None))
        if seen != lists:
            tables = self._coder.tables(*map(_array, lists))
            self._kept.last = lists, tables
        return tables


class _Encoder:
    """`BufferedRansEncoder`."""

    def __init__(self) -> None:
        self._stream, self._tables = registry.build("coder", "rans64").encoder(), _Registered()

    def encode_with_indexes(self, symbols: Any, indexes: Any, cdfs: Any, sizes: Any, offsets: Any) -> None:
        self._stream.push(_array(symbols), _array(indexes), self._tables.of(cdfs, sizes, offsets))

    def flush(self) -> bytes:
        return self._stream.finish()


class _Decoder:
    """`RansDecoder` for a stream in pieces; `finish` checks its end."""

    def __init__(self) -> None:
        self._stream, self._tables = None, _Registered()

    def set_stream(self, data: bytes) -> None:
        self._stream = registry.build("coder", "rans64").decoder(data)

    def decode_stream(self, indexes: Any, cdfs: Any, sizes: Any, offsets: Any) -> list[int]:
        return self._stream.pull(_array(indexes), self._tables.of(cdfs, sizes, offsets)).tolist()

    def finish(self) -> None:
        if self._stream is not None:
            self._stream.finish()


class _Registered:
    """The handle of tables that are passed as the same lists again and again."""

    def __init__(self) -> None:
        self._lists: tuple = ()
        self._handle: Any = None

    def of(self, *lists: list) -> Any:
        if len(self._lists) != len(lists) or any(a is not b for a, b in zip(self._lists, lists, strict=True)):
            self._lists, self._handle = lists, registry.build("coder", "rans64").tables(*map(_array, lists))
        return self._handle


def _with_rans64(function: FunctionType) -> FunctionType:
    """The function, in which the names of CompressAI's coders mean these here."""

    def method(*args: Any, **kwargs: Any) -> Any:
        decoders: list[_Decoder] = []

        def decoder() -> _Decoder:
            decoders.append(_Decoder())
            return decoders[-1]

        names = {**function.__globals__, "BufferedRansEncoder": _Encoder, "RansDecoder": decoder}
        here = FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
        result = here(*args, **kwargs)
        for each in decoders:
            each.finish()
        return result

    return method


def _array(values: Any) -> np.ndarray:
    return np.asarray(values, np.int32)
