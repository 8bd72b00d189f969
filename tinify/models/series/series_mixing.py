# SPDX-License-Identifier: Apache-2.0
"""A series codec of a grid in time or block cosine transforms, rounded numbers and context mixing."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from tinify.entropy_models.context_mixing import BlockMixing, GridMixing
from tinify.errors import ConfigError, FormatError, InputError
from tinify.models.base import Codec
from tinify.models.series.files import SeriesFiles
from tinify.models.series.fitted import Fitted
from tinify.models.series.likeness import pack_reference, reference_of, unpack_reference
from tinify.models.series.mixing import Mixing
from tinify.records import CompressOutput, DecompressOutput, ForwardOutput
from tinify.transforms.patch import dct_basis

_PARAMS = struct.Struct("<HB")  # rate; way, ways of what is left over, whether channels are mixed
_MIXED = 0x40
_COARSEST = 32.0  # step at quality 0, in standard deviations
_STEPS_AN_OCTAVE = 256
_OCTAVES = 13.0  # how often the step halves up to quality 100
_TRIAL_VALUES = 1 << 15
_BASE_STEPS = (3.0,)  # of a base, in units of the error bound
_ERROR_PER_BIT = 6 / math.log(2)  # of a fine uniform quantizer, in squared steps
_MOST = 1 << 28
_WAYS = 7
GRID = 0


@dataclass(frozen=True)
class Plan:
    """How a series is coded: in which way, with channels mixed or not, and what it is expected to cost."""

    way: int
    mixing: Mixing | None
    cost: float
    rest_way: int = 0


class SeriesMixing(SeriesFiles, Codec):
    """Every series in the way that costs least: way 0 is a grid in time, way n > 0 blocks of `blocks[n - 1]` rows.

               ┌──────────────┐  y  ┌───────┐ q ┌──────────────┐       ┌────────┐ y_hat ┌───────┐
        x ──►──┤DCT or nothing├──►──┤/ step,├─►─┤context mixing├──···──┤ x step ├───►───┤inverse├──►── x_hat
               └──────────────┘     │ round │   └──────────────┘       └────────┘       └───────┘
                                    └───────┘

    Channels are rotated before a DCT where that pays (see `Mixing`). The step is the rate: 32 sigma / 2^(13 q / 100).
    With `channels` the codec is fitted to series of so many channels and holds their offsets, scales, rotation and
    linear predictions (see `Fitted`), which files then need not; without, it takes any series.

    Source: Ahmed, Natarajan, Rao 1974 (DCT); Mahoney 2005 (context mixing).
    """

    modality: ClassVar[str] = "series"
    default_quality: ClassVar[float] = 60.0
    patch: int = 2

    def __init__(self, blocks: Sequence[int] = (8, 16, 64, 256), channels: int | None = None, features: int = 0):
        super().__init__()
        if not 1 <= len(blocks) < _WAYS or any(b < 8 for b in blocks) or len(set(blocks)) != len(blocks):
            raise ConfigError(f"blocks are {list(blocks)}; allowed: 1 to {_WAYS - 1} different sizes of 8 and more")
        self.blocks = tuple(int(b) for b in blocks)
        self.grid = GridMixing()
        self.models = nn.ModuleList(BlockMixing() for _ in self.blocks)
        self.fitted = None if channels is None else Fitted(channels, features, len(self.blocks))
        self.register_buffer("shrink", torch.zeros(len(self.blocks), 3))
        self.register_buffer("means", torch.zeros(len(self.blocks), 4, 8, dtype=torch.int32))
        self._bases = [dct_basis(b) for b in self.blocks]

    shrink: Tensor
    means: Tensor

    def normalisation_of(self, samples: np.ndarray, valid: np.ndarray):
        if self.fitted is None:
            return super().normalisation_of(samples, valid)
        self.fitted.check(samples.shape[1])
        return None

    def own_normalisation(self, channels: int):
        return None if self.fitted is None else self.fitted.normalisation()

    def forward(self, x: Tensor, quality: float | None = None) -> ForwardOutput:
        """What x (B, C, T) becomes, and the probability that the bits of all of it have on average; no gradient."""
        z, (rate, step) = _rows_of(x), self.step_of(self.default_quality if quality is None else quality)
        params, strings = self._encode(z, rate, step)
        z_hat = self.decode_series(params, strings, *z.shape)
        bits = 8 * sum(len(s) for stream in strings for s in stream)
        likelihoods = torch.full((max(z.size, 1),), 2.0 ** -(bits / max(z.size, 1)))
        return ForwardOutput(_series_of(z_hat, x.shape), {"y": likelihoods})

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

    base_in_bounds = True

    def base_qualities(self, bound: float) -> tuple[float, ...]:
        octaves = (math.log2(_COARSEST / (share * bound)) for share in _BASE_STEPS)
        return tuple(min(max(100 / _OCTAVES * octave, 0.0), 100.0) for octave in octaves)

    def encode_base(self, z: np.ndarray, quality: float) -> tuple[bytes, list[list[bytes]]]:
        """As `encode_series`, but always with a transform: a grid in time under another one would gain nothing."""
        return self._encode(z, *self.step_of(quality), least_way=1)

    def encode_series(self, z: np.ndarray, quality: float | None) -> tuple[bytes, list[list[bytes]]]:
        """`(params, strings)` of normalised z (T, C) float32."""
        return self._encode(z, *self.step_of(self.default_quality if quality is None else quality))

    def _encode(self, z: np.ndarray, rate: int, step: float, least_way: int = GRID) -> tuple[bytes, list[list[bytes]]]:
        if not z.size:
            return _PARAMS.pack(rate, GRID), []
        limit = step * _MOST
        if not np.isfinite(z).all() or np.abs(z).max() > limit:
            z = np.clip(np.nan_to_num(z), -limit, limit)
        plan = self.plan(z, step, least_way)
        if plan.way == GRID:
            return _PARAMS.pack(rate, GRID), [self._encode_grid(z, step)]
        if plan.mixing is None:
            return _PARAMS.pack(rate, plan.way), [[self._encode_blocks(z, plan.way, step)]]
        mixed = plan.mixing.mix(z)
        strings = [[self._encode_blocks(mixed, plan.way, step)]]
        if not plan.mixing.complete:
            first = self._decode_blocks(strings[0][0], plan.way, step, *mixed.shape)
            strings.append([self._encode_blocks(z - plan.mixing.unmix(first), plan.rest_way, step)])
        flags = _MIXED | plan.rest_way << 3 | plan.way
        return _PARAMS.pack(rate, flags) + (b"" if self.fitted else plan.mixing.stored), strings

    def decode_series(self, params: bytes, strings: list[list[bytes]], rows: int, channels: int) -> np.ndarray:
        """Undoes `encode_series`: (rows, channels) float32. FormatError when params and strings do not fit."""
        if len(params) < _PARAMS.size:
            raise FormatError(f"the file has {len(params)} bytes of parameters; this codec has {_PARAMS.size} or more")
        rate, flags = _PARAMS.unpack_from(params)
        step, way, rest_way = self._rate(rate)[1], flags & 7, flags >> 3 & 7
        if not rows * channels:
            return np.zeros((rows, channels), np.float32)
        mixing = self._mixing_of(params[_PARAMS.size :], channels) if flags & _MIXED else None
        expected = 1 if mixing is None or mixing.complete else 2
        if len(strings) != expected or any(len(s) != 1 + (way == GRID and not self.fitted) for s in strings):
            raise FormatError(f"{len(strings)} strings; this series has {expected}")
        if way == GRID:
            return self._decode_grid(strings[0], step, rows, channels)
        if mixing is None:
            return self._decode_blocks(strings[0][0], way, step, rows, channels)
        z = mixing.unmix(self._decode_blocks(strings[0][0], way, step, rows, mixing.directions.shape[1]))
        if not mixing.complete:
            z += self._decode_blocks(strings[1][0], rest_way, step, rows, channels)
        return z

    def plan(self, z: np.ndarray, step: float, least_way: int = GRID) -> Plan:
        """The way, from `least_way` up, that costs least bits plus weighed error, judged by a part of z (T, C)."""
        pieces, share = self._probe(z)
        mixing = self.fitted.mixing if self.fitted else Mixing.of(z)
        plans = [self._plan(pieces, step, None)]
        if least_way == GRID:
            plans.append(Plan(GRID, None, sum(self._cost(piece, GRID, step) for piece in pieces)))
        if mixing is not None:
            stored = 0 if self.fitted else 8 * len(mixing.stored) / share
            mixed = self._plan(pieces, step, mixing)
            plans.append(Plan(mixed.way, mixing, mixed.cost + stored, mixed.rest_way))
        return min(plans, key=lambda plan: plan.cost)

    def _plan(self, pieces: list[np.ndarray], step: float, mixing: Mixing | None) -> Plan:
        mixed = pieces if mixing is None else [mixing.mix(piece) for piece in pieces]
        way, cost = self._cheapest(mixed, step)
        if mixing is None or mixing.complete:
            return Plan(way, mixing, cost)
        left = [self._left(piece, part, mixing, way, step) for piece, part in zip(pieces, mixed, strict=True)]
        rest_way, rest_cost = self._cheapest(left, step)
        return Plan(way, mixing, cost + rest_cost, rest_way)

    def _left(self, z: np.ndarray, mixed: np.ndarray, mixing: Mixing, way: int, step: float) -> np.ndarray:
        q = self.quantize(self.analysis(mixed, way) / np.float32(step))
        return z - mixing.unmix(self.synthesis(self.dequantize(q, way) * np.float32(step), way, len(z)))

    def _probe(self, z: np.ndarray) -> tuple[list[np.ndarray], float]:
        block = max(self.blocks)
        rows = block * max(1, _TRIAL_VALUES // 4 // (block * z.shape[1]))
        if len(z) <= 4 * rows:
            return [z], 1.0
        starts = np.linspace(0, len(z) - rows, 4).astype(int)
        return [z[start : start + rows] for start in starts], len(z) / (4 * rows)

    def _cheapest(self, pieces: list[np.ndarray], step: float) -> tuple[int, float]:
        """The blocks to take, and what they cost."""
        costs = {way: sum(self._cost(z, way, step) for z in pieces) for way in range(1, len(self.blocks) + 1)}
        return min(costs.items(), key=lambda item: item[1])

    def _cost(self, z: np.ndarray, way: int, step: float) -> float:
        if way == GRID:
            y = z / np.float32(step)
            q = np.rint(y).astype(np.int32)
            return self.grid.cost(q, *self._side(z)) + _ERROR_PER_BIT * _squares(q - y)
        y = self.analysis(z, way) / np.float32(step)
        q = self.quantize(y)
        return self.models[way - 1].cost(q, self._means(way, z.shape[1])) + _ERROR_PER_BIT * _squares(
            self.dequantize(q, way) - y
        )

    def _side(self, z: np.ndarray) -> tuple:
        if self.fitted:
            return self.fitted.reference.numpy(), self.fitted.predictions()
        return reference_of(z), None

    def _encode_grid(self, z: np.ndarray, step: float) -> list[bytes]:
        q = np.rint(z / np.float32(step)).astype(np.int32)
        reference, features = self._side(z)
        stream = self.grid.encode(q, reference, features)
        return [stream] if self.fitted else [pack_reference(reference), stream]

    def _decode_grid(self, strings: list[bytes], step: float, rows: int, channels: int) -> np.ndarray:
        if self.fitted:
            self.fitted.check(channels)
            reference, features = self.fitted.reference.numpy(), self.fitted.predictions()
        else:
            reference, features = unpack_reference(strings[0], channels), None
        return self.grid.decode(strings[-1], (rows, channels), reference, features) * np.float32(step)

    def _encode_blocks(self, z: np.ndarray, way: int, step: float) -> bytes:
        q = self.quantize(self.analysis(z, way) / np.float32(step))
        return self.models[way - 1].encode(q, self._means(way, z.shape[1]))

    def _decode_blocks(self, string: bytes, way: int, step: float, rows: int, channels: int) -> np.ndarray:
        if not 1 <= way <= len(self.blocks):
            raise FormatError(f"way {way}; this codec has blocks of {len(self.blocks)} sizes")
        block = self.blocks[way - 1]
        q = self.models[way - 1].decode(string, (-(-rows // block), channels, block), self._means(way, channels))
        return self.synthesis(self.dequantize(q, way) * np.float32(step), way, rows)

    def _means(self, way: int, channels: int) -> np.ndarray:
        if self.fitted and channels == self.fitted.channels:
            return self.fitted.means[way - 1].numpy()
        return np.repeat(self.means[way - 1].numpy()[None], channels, axis=0)

    def _mixing_of(self, stored: bytes, channels: int) -> Mixing:
        if self.fitted:
            self.fitted.check(channels)
            if self.fitted.mixing is None or stored:
                raise FormatError("the file mixes channels in a way that this codec does not")
            return self.fitted.mixing
        return Mixing.unpack(stored, channels)

    def analysis(self, z: np.ndarray, way: int) -> np.ndarray:
        """y (blocks, C, N) of z (T, C): the last row is repeated to fill the last block."""
        block, basis = self.blocks[way - 1], self._bases[way - 1]
        padded = np.concatenate([z, np.repeat(z[-1:], -len(z) % block, axis=0)])
        x = torch.from_numpy(np.ascontiguousarray(padded.reshape(-1, block, z.shape[1]).transpose(0, 2, 1)))
        return torch.matmul(x, basis.t()).numpy()

    def synthesis(self, y_hat: np.ndarray, way: int, rows: int) -> np.ndarray:
        """z_hat (rows, C) of y_hat (blocks, C, N)."""
        x = torch.matmul(torch.from_numpy(y_hat), self._bases[way - 1]).numpy()
        return np.ascontiguousarray(x.transpose(0, 2, 1)).reshape(-1, y_hat.shape[1])[:rows]

    @staticmethod
    def quantize(y: np.ndarray, dead: float = 0.12) -> np.ndarray:
        """int32 q of y in steps: nearest, but towards zero where that is at most `dead` beyond the middle."""
        size = np.minimum(np.abs(y), np.float32(_MOST))
        return np.copysign(np.floor(size + np.float32(0.5 - dead)), y).astype(np.int32)

    def dequantize(self, q: np.ndarray, way: int) -> np.ndarray:
        """Values float32 of q, in steps: sizes 1, 2, 3 and more stand for where such numbers lie on average."""
        moved = np.concatenate([[0.0], self.shrink[way - 1].numpy()]).astype(np.float32)
        size = np.abs(q)
        return np.copysign(size + moved[np.minimum(size, 3)], q).astype(np.float32)


def _squares(x: np.ndarray) -> float:
    return float(np.square(x, dtype=np.float64).sum())


def _rows_of(x: Tensor) -> np.ndarray:
    if x.dim() != 3:
        raise InputError(f"expected (B, C, T), got {tuple(x.shape)}")
    return np.ascontiguousarray(x.detach().float().cpu().flatten(0, 1).numpy().T)


def _series_of(z: np.ndarray, shape) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(z.T)).reshape(shape)
