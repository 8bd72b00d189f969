# SPDX-License-Identifier: Apache-2.0
"""Chunks of arrays as `.tnf` files: what the codecs for zarr and for numcodecs share. No zarr here, and no torch.

chunk, any shape ──► rows and channels, or a picture ──► codec ──► .tnf
x.tnf ──► is it of this shape and type? ──► codec ──► chunk
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from math import inf, prod
from typing import Any

import numpy as np

from tinify import api, codec_file, container, zoo
from tinify.errors import ConfigError, FormatError
from tinify.signal import PEAKS, Signal

CHUNK = "chunk"  # metadata: type and shape of a chunk whose file does not tell them
_MOST_CHANNELS = 512
_trusted: set[str] = set()


def trust(codec: str | os.PathLike) -> None:
    """Lets stores name this folder as their codec, in this process: what a store says is otherwise a name of the zoo or
    a codec file, since a folder can ask for any plugin's parts and for any memory."""
    _trusted.add(os.path.realpath(codec))


@dataclass(frozen=True)
class ArrayCodec:
    """What is stored is one `.tnf` file for each chunk.

    codec: a name of `tinify models`, a codec file or a folder. One of the rest says how good: quality (0 to 100);
    max_error, so far is no finite value off; or lossless. None: the codec's own quality. A bound that is relative would
    be so to each chunk, and to what fills it up at the end of the array: there is none.
    channels: of a series codec, the axis whose places are channels, everything else being time in C order; by default
    the last where it has 2 to 512 places, else none. Of an image codec the axis of colours; by default the last of
    three or more where it has 3 or 4 places. Other axes than rows and columns put pictures one below the other.
    ConfigError for what is none of these.
    """

    codec: str = api.DEFAULT_CODECS["series"]
    quality: float | None = None
    max_error: float | None = None
    lossless: bool = False
    channels: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.codec, str | os.PathLike):
            raise ConfigError(f"codec is {self.codec!r}; a store keeps a name: of the zoo, a codec file, or a folder")
        if isinstance(self.codec, os.PathLike):  # as a string, too, it is to be a path
            object.__setattr__(self, "codec", os.path.join(".", os.fspath(self.codec)))
        for name, kinds in (("quality", (int, float)), ("max_error", (int, float)), ("channels", (int,))):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, (*kinds, np.number))):
                raise ConfigError(f"{name} is {value!r}; it must be a number")
            if isinstance(value, np.number):
                object.__setattr__(self, name, value.item())
        if not isinstance(self.lossless, bool):
            raise ConfigError(f"lossless is {self.lossless!r}; allowed: true, false")
        api.check_rate(self.quality, max_error=self.max_error, lossless=self.lossless)
        if not 0 <= (self.max_error or 0) < inf:
            raise ConfigError(f"max_error is {self.max_error}; allowed: finite numbers from 0")
        if _is_folder(self.codec):
            trust(self.codec)

    @classmethod
    def of_config(cls, config: Any) -> ArrayCodec:
        """From what a store says, which may be a stranger's. ConfigError."""
        known = {field.name for field in fields(cls)}
        if not isinstance(config, dict) or not set(config) <= known:
            raise ConfigError(f"the configuration is {config!r}; allowed keys: {', '.join(sorted(known))}")
        name = config.get("codec", "")
        if isinstance(name, str) and _is_folder(name) and os.path.realpath(name) not in _trusted:
            raise ConfigError(
                f"the store names the folder {name!r} as its codec; if you trust it: "
                f"tinify.interop.arrays.trust({name!r})"
            )
        return cls(**config)

    def config(self) -> dict[str, Any]:
        """What `of_config` takes: JSON, without what is as by default."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {key: value for key, value in values.items() if key == "codec" or value != getattr(ArrayCodec, key)}

    def check(self, dtype: np.dtype, shape: tuple[int, ...]) -> None:
        """ConfigError where chunks of that type and shape cannot be coded so."""
        codec = api.load(self.codec)
        image = codec.modality == "image"
        allowed = tuple(PEAKS) if image else ("bool", "integers", "floats up to 64 bits")
        known = dtype.name in PEAKS if image else dtype.kind in "biuf" and dtype.itemsize <= 8
        if codec.modality not in ("image", "series") or not known:
            raise ConfigError(
                f"codec {self.codec!r} takes arrays of {', '.join(allowed)}, not of {dtype}; "
                + ("a series codec, such as 'series-mixing', takes any number" if image else "leave it to other codecs")
            )
        api.bound_for(codec, self.max_error, lossless=self.lossless)
        if image and dtype.kind == "f" and (self.lossless or self.max_error is not None):
            raise ConfigError(f"codec {self.codec!r} keeps an error bound of integers only; use a series codec")
        _Layout.of(codec.modality, shape, self.channels)

    def encode(self, chunk: np.ndarray, *, describe: bool = False) -> bytes:
        """The `.tnf` file of a chunk. `describe`: `decode` needs neither its type nor its shape. ConfigError;
        InputError for numbers that the codec cannot take."""
        self.check(chunk.dtype, chunk.shape)
        codec = api.load(self.codec)
        layout = _Layout.of(codec.modality, chunk.shape, self.channels)
        samples = layout.samples(chunk.astype(chunk.dtype.newbyteorder("="), copy=False))
        metadata = {}
        if describe and not (layout.keeps_order and chunk.dtype.isnative):
            metadata[CHUNK] = f"{chunk.dtype.str} {' '.join(map(str, chunk.shape))}".encode()
        return api.compress_signal(
            Signal(codec.modality, samples, metadata),
            codec,
            self.quality,
            max_error=self.max_error,
            lossless=self.lossless,
            threads=1 if hasattr(codec, "pack_chunks") or hasattr(codec, "pack_tiles") else None,
        )

    def decode(self, data: bytes, dtype: np.dtype | None = None, shape: tuple[int, ...] | None = None) -> np.ndarray:
        """The chunk in a file that `encode` made. Without dtype and shape, which then `describe` had to give where they
        are not the file's own: flat. FormatError, DesyncError (another codec's), LimitError."""
        codec = api.load(self.codec)
        limits = {} if shape is None else {"max_elements": max(1, prod(shape))}
        file = container.unpack(data, **limits)
        if shape is None:
            dtype, shape = _described(file)
        layout = _Layout.of(codec.modality, shape, self.channels)
        if (file.modality, file.shape, file.dtype) != (codec.modality, layout.shape, dtype.name):
            raise FormatError(
                f"the chunk holds {file.modality} of {file.shape} {file.dtype}; a chunk of {shape} {dtype} by codec "
                f"{self.codec!r} is {codec.modality} of {layout.shape}"
            )
        threads = 1 if hasattr(codec, "pack_chunks") or hasattr(codec, "pack_tiles") else None
        signal = api.decompress_signal(data, codec, threads=threads, **limits)
        return layout.chunk(signal.samples).astype(dtype, copy=False)


def _is_folder(name: str) -> bool:
    return zoo.is_folder(name) and not codec_file.is_named(name)


@dataclass(frozen=True)
class _Layout:
    """A chunk's axes, `order`ed, and the shape of the samples that they become."""

    axes: tuple[int, ...]
    order: tuple[int, ...]
    shape: tuple[int, ...]

    @classmethod
    def of(cls, modality: str, axes: tuple[int, ...], channels: int | None) -> _Layout:
        if channels is not None and not -len(axes) <= channels < len(axes):
            raise ConfigError(f"channels is {channels}; a chunk of shape {axes} has {len(axes)} axes")
        axis = None if channels is None else channels % len(axes)
        if modality == "image":
            return cls._picture(axes, axis)
        if axis is None and len(axes) > 1 and 2 <= axes[-1] <= _MOST_CHANNELS:
            axis = len(axes) - 1
        width = 1 if axis is None else axes[axis]
        return cls(axes, _last(len(axes), axis), (prod(axes) // max(width, 1), width))

    @classmethod
    def _picture(cls, axes: tuple[int, ...], axis: int | None) -> _Layout:
        if axis is None and len(axes) >= 3 and axes[-1] in (3, 4):
            axis = len(axes) - 1
        colours = 1 if axis is None else axes[axis]
        plane = [size for number, size in enumerate(axes) if number != axis]
        while len(plane) > 2 and plane[-1] == 1:
            plane.pop()
        if len(plane) < 2 or 0 in axes or colours > 4:
            raise ConfigError(
                f"a chunk of shape {axes}, channels {axis}, is no picture: rows, columns, up to 4 colours"
            )
        width = plane[-1]
        return cls(axes, _last(len(axes), axis), (prod(axes) // (width * colours), width, colours))

    @property
    def keeps_order(self) -> bool:
        return self.order == tuple(range(len(self.axes)))

    def samples(self, chunk: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(chunk.transpose(self.order)).reshape(self.shape)

    def chunk(self, samples: np.ndarray) -> np.ndarray:
        moved = samples.reshape([self.axes[number] for number in self.order])
        return np.ascontiguousarray(moved.transpose(np.argsort(self.order)))


def _last(count: int, axis: int | None) -> tuple[int, ...]:
    """The axes in order, but `axis` at the end."""
    return (*(number for number in range(count) if number != axis), *(() if axis is None else (axis,)))


def _described(file: container.TnfFile) -> tuple[np.dtype, tuple[int, ...]]:
    """Type and shape of a chunk from its file. FormatError where they are not those of as many numbers."""
    metadata = file.find(container.METADATA)
    text = container.unpack_metadata(metadata).get(CHUNK) if metadata is not None else None
    if text is None:
        return np.dtype(file.dtype), tuple(file.shape)
    try:
        kind, *sizes = text.decode("ascii").split(" ")
        dtype, shape = np.dtype(kind), tuple(int(size) for size in sizes)
    except (ValueError, TypeError):
        raise FormatError(f"the chunk says that it is {text[:64]!r}, which is no type and shape") from None
    if (
        dtype.name != file.dtype
        or len(shape) > 32
        or any(size < 0 for size in shape)
        or prod(shape) != prod(file.shape)
    ):
        raise FormatError(f"the chunk says that it is {text[:64]!r}; it holds {file.shape} {file.dtype}")
    return dtype, shape
