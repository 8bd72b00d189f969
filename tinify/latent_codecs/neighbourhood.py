# SPDX-License-Identifier: Apache-2.0
"""A latent of blocks as rounded numbers under a neighbourhood prior."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from tinify import registry
from tinify.entropy_models.neighbourhood import NeighbourhoodPrior
from tinify.errors import FormatError
from tinify.latent_codecs.base import LatentCodec, LatentForward, LatentStrings, LatentValues

# What a bit is worth in squared error of units of the step: the slope of a fine uniform quantizer, 6 / ln 2 per step^2.
_ERROR_PER_BIT = 6 / math.log(2)
_MAX_SYMBOL = 1 << 29


class NeighbourhoodLatentCodec(LatentCodec):
    """Codes y (steps, sites, lanes) in units of the quantizer's step; all lanes advance together.

        y ──► round, rate-aware ──► q ──► prior: rows, prediction ──► tables ──► coder ──► string
                                          └──◄── what is decoded already ──┘

    A number is rounded to the nearest integer, or to the next towards zero where that saves more bits than it is worth
    (rate-distortion optimal quantization with the prior's tables; the neighbours' own change is not followed). `shrink`
    (classes, 3) float32 moves the values that 1, 2, 3 stand for to where such numbers lie on average.
    Only integers select bits. Source: Sullivan 1996 (reconstruction points); Ramchandran, Vetterli 1994 (the choice).
    """

    shrink: Tensor

    def __init__(self, prior: NeighbourhoodPrior, coder: str = "rans32"):
        super().__init__()
        self.prior = prior
        self.coder = registry.build("coder", coder)
        self.register_buffer("shrink", torch.zeros(prior.classes, 3))
        self._registered: tuple | None = None

    def quantize(self, y: np.ndarray, weight: float = 1.0) -> np.ndarray:
        """int32 q of y (steps, sites, lanes) float32; `weight` of the bits, 0 for plain rounding. Values are finite."""
        q = np.rint(np.clip(y, -_MAX_SYMBOL, _MAX_SYMBOL)).astype(np.int32)
        if weight <= 0:
            return q
        bits, halves = self._made()[1:]
        r, rows = self.prior.all_rows(q)
        plain = r == q  # where a prediction is at work, what is saved here is paid in the next step
        m = np.abs(q)
        excess = m - np.abs(y)
        worth = (1 - 2 * excess) * np.float32(_ERROR_PER_BIT / weight)
        inside = plain & (m > 0) & (m <= halves[rows])
        at = rows.astype(np.int64) * bits.shape[1] + np.minimum(m, bits.shape[1] - 1)
        flat = bits.ravel()
        saved = flat[at] - flat[np.maximum(at - 1, 0)]
        return np.where(inside & (saved > worth), q - np.sign(q), q).astype(np.int32)

    def dequantize(self, q: np.ndarray) -> np.ndarray:
        """Values float32 of q, in units of the step."""
        moved = np.zeros((self.prior.classes, 9), np.float32)  # of -4 ... 4
        moved[:, 5:8], moved[:, 1:4] = -self.shrink.numpy(), self.shrink.numpy()[:, ::-1]
        index = np.clip(q, -4, 4) + (9 * self.prior.site_class[:, None] + 4)
        return q.astype(np.float32) + moved.ravel()[index]

    def cost(self, q: np.ndarray) -> float:
        """Estimated bits of q."""
        return float(self._bits(q).sum(dtype=np.float64))

    def _bits(self, q: np.ndarray) -> np.ndarray:
        bits, halves = self._made()[1:]
        r, rows = self.prior.all_rows(q)
        m, half = np.abs(r), halves[rows]
        out, over = bits[rows, np.minimum(m, half + 1)], m > half
        beyond = 2 * (m - half)[over].astype(np.int64)  # a byte for each 7 bits, sign included, as rans32 writes it
        out[over] += 8.0 + 8.0 * sum(beyond >= 1 << bits for bits in (7, 14, 21, 28))
        return out

    def likelihoods(self, q: np.ndarray) -> Tensor:
        """Probability of each number of q, escapes by what their digits cost, as one vector."""
        return torch.exp2(-torch.from_numpy(self._bits(q).ravel().astype(np.float32)))

    def forward(self, y: np.ndarray, weight: float = 1.0) -> LatentForward:
        """The numbers' probabilities, as one vector, and what the decoder will see; no gradient."""
        q = self.quantize(y, weight)
        return LatentForward({"y": self.likelihoods(q)}, self.dequantize(q))

    def compress(self, y: np.ndarray, weight: float = 1.0) -> LatentStrings:
        """One string; shape (steps, sites, lanes)."""
        q = self.quantize(y, weight)
        return LatentStrings([[self.encode(q)]], q.shape, self.dequantize(q))

    def decompress(self, strings: list[list[bytes]], shape, **kwargs) -> LatentValues:
        if len(strings) != 1 or len(strings[0]) != 1:
            raise FormatError("a latent of blocks is one string")
        return LatentValues(self.dequantize(self.decode(strings[0][0], shape)))

    def encode(self, q: np.ndarray) -> bytes:
        """The string of q: step after step, group after group, all lanes."""
        r, rows = self.prior.all_rows(q)
        encoder = self.coder.encoder()
        # Groups are runs of sites, so C order is the order of coding.
        encoder.push(np.ascontiguousarray(r), np.ascontiguousarray(rows), self._made()[0])
        return encoder.finish()

    def decode(self, string: bytes, shape: tuple[int, int, int]) -> np.ndarray:
        """q of that shape. FormatError or DesyncError when the string does not hold it."""
        steps, sites, lanes = shape
        if sites != self.prior.sites or min(shape) < 0 or math.prod(shape) >= 1 << 31:
            raise FormatError(f"blocks of shape {shape} do not fit {self.prior.sites} sites")
        decoder, tables = self.coder.decoder(string), self._made()[0]
        q = np.zeros((steps + 2, sites, lanes), np.int32)  # two steps of zeros stand before the first
        for step in range(2, steps + 2):
            r = np.zeros((sites, lanes), np.int32)
            time = self.prior.from_time(q[step - 1], q[step - 2])
            for group in self.prior.groups:
                rows = self.prior.rows_of(group, time, r)
                r[group] = decoder.pull(np.ascontiguousarray(rows), tables)
            q[step] = r + self.prior.predict(q[step - 1])
        decoder.finish()
        return q[2:]

    def _made(self):
        buffers = (self.prior.frequencies, self.prior.halves)
        state = tuple((id(b), b._version) for b in buffers)
        if self._registered is None or self._registered[0] != state:
            self._registered = state, (self.coder.tables(*self.prior.tables()), *self.prior.bits())
        return self._registered[1]

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_registered": None}
