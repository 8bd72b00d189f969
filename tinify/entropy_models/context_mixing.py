# SPDX-License-Identifier: Apache-2.0
"""Integers under adaptive contexts whose probabilities are mixed by small networks that learn while they code."""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from tinify import _core
from tinify.errors import FormatError, WeightsError

_MOST_STATE = 1 << 26
_MOST_PER_BYTE = 200_000  # a sure decision still costs 4e-5 bits
_STREAM_END = 16  # bytes that a reader may believe to follow


class ContextMixing(nn.Module, ABC):
    """A stream begins at `state` (what training learned, deflated) and goes on learning; both sides do the same steps.

        integer -> binary decisions -> counters of the contexts, logistic experts -> mixer -> binary arithmetic coder

    All of it in integers: the same bits on every machine, with any instruction set. Every stream starts afresh, so
    streams are decoded alone and in any order. Integers are int32, at most 2^30 in size.
    Source: Mahoney 2005, "Adaptive weighing of context models for lossless data compression".
    """

    state: Tensor
    dimensions: ClassVar[int]
    """How many dimensions the integers of a stream have."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("state", torch.zeros(0, dtype=torch.uint8))
        self._made: tuple[Any, Any] | None = None

    @staticmethod
    @abstractmethod
    def _model() -> Any:
        """The native model, at its start."""

    def _native(self) -> Any:
        version = (id(self.state), self.state._version)
        if self._made is None or self._made[0] != version:
            self._made = version, self._started()
        return self._made[1]

    def _started(self) -> Any:
        model = self._model()
        if self.state.numel():
            model.load(_inflated(self.state.numpy().tobytes()))
        return model

    def _set_state(self, model: Any, cap: int) -> None:
        packed = zlib.compress(model.save(cap), 9)
        self.state = torch.frombuffer(bytearray(packed), dtype=torch.uint8).clone()

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args: Any) -> None:
        given = state_dict.get(prefix + "state")
        if given is not None:
            self.state = torch.empty_like(given)  # a state has the size that it has
        super()._load_from_state_dict(state_dict, prefix, *args)

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_made": None}


class GridMixing(ContextMixing):
    """k (T, C): each number as its difference from the one before in its channel.

    `reference` (C,) int32: the channel that each resembles most, or -1; None: no channel resembles another.
    `features`: linear predictions, int32 arrays first (C + 1,) and table (N, 3); channel c has rows first[c] to
    first[c + 1] of (lag, channel, weight in 1/65536).
    """

    @staticmethod
    def _model() -> Any:
        return _core.GridModel()

    dimensions = 2

    def encode(self, k: np.ndarray, reference: np.ndarray | None = None, features: tuple | None = None) -> bytes:
        """The stream of k (T, C)."""
        return self._native().run("encode", _ints(k), _others(reference, k.shape), *_pair(features))

    def decode(
        self,
        stream: bytes,
        shape: tuple[int, int],
        reference: np.ndarray | None = None,
        features: tuple | None = None,
    ) -> np.ndarray:
        """k of this shape. FormatError, DesyncError."""
        k = _room(shape, stream)
        self._native().run("decode", k, _others(reference, shape), *_pair(features), stream)
        return k

    def cost(self, k: np.ndarray, reference: np.ndarray | None = None, features: tuple | None = None) -> float:
        """Bits of the stream of k."""
        return self._native().run("cost", _ints(k), _others(reference, k.shape), *_pair(features))

    def learn(self, series: list[tuple[np.ndarray, np.ndarray, tuple | None]], cap: int = 255) -> None:
        """Goes on from `state` through all (k, reference, features); streams then begin from there, trusting what was
        seen as `cap` times at most."""
        model = self._started()
        for k, reference, features in series:
            model.run("learn", _ints(k), _ints(reference), *_pair(features))
        self._set_state(model, cap)


class BlockMixing(ContextMixing):
    """q (blocks, C, N): coefficients of transform blocks, from the lowest frequency up.

    `means` (C, 4, 8) int32: weights, in 1/65536, of the eight lowest coefficients of the block before that predict the
    four lowest of the next.
    """

    dimensions = 3

    @staticmethod
    def _model() -> Any:
        return _core.BlockModel()

    def encode(self, q: np.ndarray, means: np.ndarray | None = None) -> bytes:
        """The stream of q (blocks, C, N)."""
        return self._native().run("encode", _ints(q), _maybe(means))

    def decode(self, stream: bytes, shape: tuple[int, int, int], means: np.ndarray | None = None) -> np.ndarray:
        """q of this shape. FormatError, DesyncError."""
        _room(shape[:2], stream)
        q = np.zeros(shape, np.int32)
        self._native().run("decode", q, _maybe(means), stream)
        return q

    def cost(self, q: np.ndarray, means: np.ndarray | None = None) -> float:
        """Bits of the stream of q."""
        return self._native().run("cost", _ints(q), _maybe(means))

    def learn(self, series: list[tuple[np.ndarray, np.ndarray | None]], cap: int = 255) -> None:
        """Goes on from `state` through all (q, means); streams then begin from there, trusting what was seen as `cap`
        times at most."""
        model = self._started()
        for q, means in series:
            model.run("learn", _ints(q), _maybe(means))
        self._set_state(model, cap)


class PictureMixing(ContextMixing):
    """q (C, H, W): subbands of `levels` of a wavelet transform in Mallat's arrangement, from coarse to fine.

    Contexts are sizes of numbers decoded before: neighbours in the subband, the same place one level coarser, in the
    other subbands of the level and in the other components. With `levels` 0 it is a picture itself, by what is left of
    a prediction.
    """

    dimensions = 3

    @staticmethod
    def _model() -> Any:
        return _core.PictureModel()

    def encode(self, q: np.ndarray, levels: int = 5) -> bytes:
        """The stream of q (C, H, W)."""
        return self._native().run("encode", _ints(q), levels)

    def decode(self, stream: bytes, shape: tuple[int, int, int], levels: int = 5) -> np.ndarray:
        """q of this shape. FormatError, DesyncError."""
        _room((shape[0] * shape[1], shape[2]), stream)
        q = np.zeros(shape, np.int32)
        self._native().run("decode", q, levels, stream)
        return q

    def cost(self, q: np.ndarray, levels: int = 5) -> float:
        """Bits of the stream of q."""
        return self._native().run("cost", _ints(q), levels)

    def learn(self, pictures: Iterable[np.ndarray], levels: int = 5, cap: int = 255) -> None:
        """Goes on from `state` through all q; streams then begin from there, trusting what was seen as `cap` times at
        most."""
        model = self._started()
        for q in pictures:
            model.run("learn", _ints(q), levels)
        self._set_state(model, cap)


def _ints(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, dtype=np.int32)


def _others(reference: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray:
    return np.full(shape[1], -1, np.int32) if reference is None else _ints(reference)


def _maybe(values: np.ndarray | None) -> np.ndarray | None:
    return None if values is None else _ints(values)


def _pair(features: tuple | None) -> tuple:
    return (None, None) if features is None else (_ints(features[0]), _ints(features[1]).reshape(-1, 3))


def _room(shape: tuple[int, int], stream: bytes) -> np.ndarray:
    if shape[0] * shape[1] > (len(stream) + _STREAM_END) * _MOST_PER_BYTE:
        raise FormatError(f"{len(stream)} bytes cannot hold {shape[0]} x {shape[1]} numbers")
    return np.zeros(shape, np.int32)


def _inflated(data: bytes) -> bytes:
    inflate = zlib.decompressobj()
    try:
        state = inflate.decompress(data, _MOST_STATE)
    except zlib.error as error:
        raise WeightsError(f"the mixing state is damaged: {error}; load the weights again") from None
    return state
