# SPDX-License-Identifier: Apache-2.0
"""A series codec of block cosine transforms, rounded numbers and learned integer contexts."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from tinify.entropy_models.neighbourhood import NeighbourhoodPrior
from tinify.errors import ConfigError, FormatError, InputError
from tinify.latent_codecs.neighbourhood import NeighbourhoodLatentCodec
from tinify.models.base import Codec
from tinify.models.series.files import SeriesFiles
from tinify.models.series.mixing import Mixing
from tinify.records import CompressOutput, DecompressOutput, ForwardOutput
from tinify.transforms.patch import dct_basis

_PARAMS = struct.Struct("<HB")  # rate; number of the block size in two bits, of the mixed channels' in two, mixed
_MIXED = 0x10
_COARSEST = 32.0  # step at quality 0, in standard deviations
_STEPS_AN_OCTAVE = 256
_OCTAVES = 13.0  # how often the step halves up to quality 100
_LANES = 512  # lanes of one string: bounds the memory, and what is at work fits the cache
_TRIAL_VALUES = 1 << 16
_ERROR_PER_BIT = 6 / math.log(2)


class DctTokenizer(SeriesFiles, Codec):
    """Blocks of one of several sizes, chosen for the file by the bits and the error that they give.

               ┌─────┐  y   ┌───────┐ q ┌─────────────┐         ┌─────────┐ y_hat ┌──────┐
        x ──►──┤ DCT ├──►───┤/ step,├─►─┤neighbourhood├──►····►─┤ x step, ├───►───┤ IDCT ├──►── x_hat
               └─────┘      │ round │   │ prior, coder│         │ shrink  │       └──────┘
                            └───────┘   └─────────────┘         └─────────┘

    Channels are rotated first where that pays (see `Mixing`), then coded alike and apart, in lanes of about `lane` rows
    that do not need one another. The step is the rate: 32 sigma / 2^(13 q / 100). One set of tables serves every series
    at every rate, since a context says how large numbers are here.

    Source: Ahmed, Natarajan, Rao 1974 (DCT); contexts: see `NeighbourhoodPrior`.
    """

    modality: ClassVar[str] = "series"
    default_quality: ClassVar[float] = 60.0

    def __init__(self, blocks: Sequence[int] = (4, 16, 64, 256), lane: int = 4096, coder: str = "rans32"):
        super().__init__()
        if not 1 <= len(blocks) <= 4 or any(b < 2 or lane % b for b in blocks) or len(set(blocks)) != len(blocks):
            raise ConfigError(f"blocks are {list(blocks)}; allowed: one to four divisors of the lane's {lane} rows")
        self.blocks, self.lane = tuple(int(b) for b in blocks), int(lane)
        self.patch = min(self.blocks)
        self.latent_codecs = nn.ModuleList(NeighbourhoodLatentCodec(NeighbourhoodPrior(b), coder) for b in self.blocks)
        self._bases = [dct_basis(b) for b in self.blocks]

    def forward(self, x: Tensor, quality: float | None = None) -> ForwardOutput:
        """What unmixed channels of x (B, C, T) become, and the probability of each number, as a vector; no gradient."""
        z, step = _rows_of(x), self.step_of(self.default_quality if quality is None else quality)[1]
        number = self._choose(z, step)[0] if z.size else 0
        lane, likelihoods, z_hat = self._lane(len(z), number), [torch.ones(0)], np.empty_like(z)
        for part in self._parts(*z.shape, lane):
            out = self.latent_codecs[number](self.analysis(z[part], number, lane) / np.float32(step))
            likelihoods.append(out.likelihoods["y"])
            z_hat[part] = self.synthesis(out.y_hat * np.float32(step), number, part.stop - part.start, z.shape[1])
        return ForwardOutput(_series_of(z_hat, x.shape), {"y": torch.cat(likelihoods)})

    def compress(self, x: Tensor, quality: float | None = None) -> CompressOutput:
        """x (B, C, T) float32 of about unit variance; the batch's channels are one series of B C channels."""
        params, strings = self.encode_series(_rows_of(x), quality)
        return CompressOutput(strings, (params, tuple(x.shape)))

    def decompress(self, strings: list[list[bytes]], shape: tuple[bytes, tuple[int, int, int]]) -> DecompressOutput:
        params, (batch, channels, length) = shape
        z = self.decode_series(params, strings, length, batch * channels)
        return DecompressOutput(_series_of(z, (batch, channels, length)))

    def step_of(self, quality: float) -> tuple[int, float]:
        """`(rate, step)` of a quality in [0, 100]: the integer that a file stores, and the step in sigma."""
        if not 0 <= quality <= 100:
            raise InputError(f"quality is {quality}; allowed: 0 to 100")
        return self._rate(round(quality / 100 * _OCTAVES * _STEPS_AN_OCTAVE))

    @staticmethod
    def _rate(rate: int) -> tuple[int, float]:
        return rate, _COARSEST * 2.0 ** (-rate / _STEPS_AN_OCTAVE)

    def analysis(self, z: np.ndarray, number: int, rows: int) -> np.ndarray:
        """y (steps, block, lanes) of z (T, C): the last row is repeated to fill a lane of `rows` rows."""
        block, (length, channels) = self.blocks[number], z.shape
        count = -(-length // rows)
        padded = np.concatenate([z, np.repeat(z[-1:], count * rows - length, axis=0)])
        x = padded.reshape(count, rows // block, block, channels).transpose(1, 2, 0, 3)
        x = torch.from_numpy(np.ascontiguousarray(x).reshape(rows // block, block, count * channels))
        return torch.matmul(self._bases[number], x).numpy()

    def synthesis(self, y_hat: np.ndarray, number: int, length: int, channels: int) -> np.ndarray:
        """z_hat (length, channels) of y_hat (steps, block, lanes)."""
        steps, block, lanes = y_hat.shape
        x = torch.matmul(self._bases[number].t(), torch.from_numpy(y_hat)).numpy()
        x = x.reshape(steps, block, lanes // channels, channels).transpose(2, 0, 1, 3)
        return x.reshape(-1, channels)[:length]

    def encode_series(self, z: np.ndarray, quality: float | None) -> tuple[bytes, list[list[bytes]]]:
        """`(params, strings)` of normalised z (T, C) float32, channels mixed where that pays."""
        rate, step = self.step_of(self.default_quality if quality is None else quality)
        if not z.size:
            return _PARAMS.pack(rate, 0), []
        if not np.isfinite(z).all():
            z = np.clip(z, -1e15, 1e15)
        number, cost = self._choose(z, step)
        mixing = Mixing.of(z)
        if mixing is None:
            return _PARAMS.pack(rate, number), self._encode(z, number, step)
        mixed = mixing.mix(z)
        first, mixed_cost = self._choose(mixed, step)
        strings, rest, left = [], mixed, first
        if not mixing.complete:
            strings = self._encode(mixed, first, step)
            rest = z - mixing.unmix(self._decode(strings, first, step, *mixed.shape))
            left, rest_cost = self._choose(rest, step)
            mixed_cost += rest_cost
        if mixed_cost + 8 * len(mixing.stored) >= cost:
            return _PARAMS.pack(rate, number), self._encode(z, number, step)
        return _PARAMS.pack(rate, _MIXED | first << 2 | left) + mixing.stored, strings + self._encode(rest, left, step)

    def decode_series(self, params: bytes, strings: list[list[bytes]], rows: int, channels: int) -> np.ndarray:
        """Undoes `encode_series`: (rows, channels) float32. FormatError when params and strings do not fit."""
        if len(params) < _PARAMS.size:
            raise FormatError(f"the file has {len(params)} bytes of parameters; this codec has {_PARAMS.size} or more")
        rate, flags = _PARAMS.unpack_from(params)
        step, number = self._rate(rate)[1], flags & 3
        if not flags & _MIXED:
            return self._decode(strings, number, step, rows, channels)
        mixing = Mixing.unpack(params[_PARAMS.size :], channels)
        if mixing.complete:
            return mixing.unmix(self._decode(strings, number, step, rows, channels))
        first, count = flags >> 2 & 3, mixing.directions.shape[1]
        cut = self._strings(rows, count, first)
        z = mixing.unmix(self._decode(strings[:cut], first, step, rows, count))
        z += self._decode(strings[cut:], number, step, rows, channels)
        return z

    def _encode(self, z: np.ndarray, number: int, step: float) -> list[list[bytes]]:
        lane, strings = self._lane(len(z), number), []
        for part in self._parts(len(z), z.shape[1], lane):
            y = self.analysis(z[part], number, lane)
            y *= np.float32(1 / step)
            strings += self.latent_codecs[number].compress(y).strings
        return strings

    def _decode(self, strings: list[list[bytes]], number: int, step: float, rows: int, channels: int) -> np.ndarray:
        lane = self._lane(rows, number)
        parts, z = self._parts(rows, channels, lane), np.empty((rows, channels), np.float32)
        if len(parts) != len(strings):
            raise FormatError(f"{len(strings)} strings; {rows} rows of {channels} channels have {len(parts)}")
        block = self.blocks[number]
        for part, string in zip(parts, strings, strict=True):
            size = part.stop - part.start
            lanes = -(-size // lane) * channels
            y_hat = self.latent_codecs[number].decompress([string], (lane // block, block, lanes)).y_hat
            y_hat *= np.float32(step)
            z[part] = self.synthesis(y_hat, number, size, channels)
        return z

    def _lane(self, length: int, number: int) -> int:
        """Rows of a lane: as many lanes as `lane` asks for, equally long, in whole blocks."""
        if number >= len(self.blocks):
            raise FormatError(f"block number {number}; this codec has {len(self.blocks)} block sizes")
        count = max(1, math.ceil(length / self.lane))
        block = self.blocks[number]
        return math.ceil(math.ceil(length / count) / block) * block

    def _strings(self, length: int, channels: int, number: int) -> int:
        return len(self._parts(length, channels, self._lane(length, number)))

    @staticmethod
    def _parts(length: int, channels: int, rows: int) -> list[slice]:
        size = max(1, _LANES // max(channels, 1)) * rows
        return [] if not channels else [slice(start, min(start + size, length)) for start in range(0, length, size)]

    def _choose(self, z: np.ndarray, step: float) -> tuple[int, float]:
        """Number of the block size with the least bits plus weighed error, and these, for all of z judged by a part."""
        rows = max(self.blocks) * max(1, _TRIAL_VALUES // 4 // (max(self.blocks) * z.shape[1]))
        starts = np.unique(np.linspace(0, max(0, len(z) - rows), 4).astype(int))
        costs, seen = np.zeros(len(self.blocks)), sum(len(z[start : start + rows]) for start in starts)
        for start, (number, latent) in ((s, n) for s in starts for n in enumerate(self.latent_codecs)):
            piece = z[start : start + rows]
            size = -(-len(piece) // self.blocks[number]) * self.blocks[number]
            y = self.analysis(piece, number, size) / np.float32(step)
            q = latent.quantize(y, 0.0)
            error = np.square(latent.dequantize(q) - y, dtype=np.float64).sum()
            costs[number] += latent.cost(q) + _ERROR_PER_BIT * error
        return int(costs.argmin()), float(costs.min()) * len(z) / seen


def _rows_of(x: Tensor) -> np.ndarray:
    if x.dim() != 3:
        raise InputError(f"expected (B, C, T), got {tuple(x.shape)}")
    return np.ascontiguousarray(x.detach().float().cpu().flatten(0, 1).numpy().T)


def _series_of(z: np.ndarray, shape) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(z.T)).reshape(shape)
