# SPDX-License-Identifier: Apache-2.0
"""A latent on an even grid of any step under histograms."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tinify import registry
from tinify.entropy_models.scaled_histogram import HALF_UNIT, RATES, ScaledHistogram, step_of
from tinify.entropy_models.tables import SYMBOLS_PER_BYTE
from tinify.errors import FormatError
from tinify.latent_codecs.base import LatentCodec, LatentForward, LatentStrings, LatentValues, only_stream
from tinify.quantizers import Uniform

_MAX_SYMBOL = 1 << 29
_KEPT_RATES = 4  # tables of so many rates are kept registered


class ScaledHistogramLatentCodec(LatentCodec):
    """Codes y (items, steps, dims); each item under the one of the prior's histograms that suits it best.

        y ──► round(y / step) ──► q ──► coder ──► string          step = 8 * 2^(-rate / 8)
                                       ▲ table of (histogram of the item, dimension, step)

    One stream: the numbers of the histograms, then q in C order. Values without a bin are escaped.
    """

    def __init__(self, prior: ScaledHistogram, coder: str = "rans32"):
        super().__init__()
        self.prior = prior
        self.quantizer = Uniform()
        self.coder = registry.build("coder", coder)
        self._made: dict[int, tuple] = {}
        self._made_from: tuple | None = None

    @staticmethod
    def step(rate: int) -> float:
        """The step of a rate in 0 ... 80: 8.0 ... 1/128. FormatError for another rate."""
        if not 0 <= rate < RATES:
            raise FormatError(f"rate is {rate}; allowed: 0 to {RATES - 1}")
        return step_of(rate) * 2 * HALF_UNIT

    def quantize(self, y: Tensor, rate: int) -> Tensor:
        """int32 q of y; what is not finite becomes the nearest integer there is."""
        scaled = torch.nan_to_num(y.detach() / self.step(rate)).clamp(-_MAX_SYMBOL, _MAX_SYMBOL)
        return self.quantizer.quantize(scaled)

    def dequantize(self, q: Tensor, rate: int) -> Tensor:
        return self.quantizer.dequantize(q) * self.step(rate)

    def forward(self, y: Tensor, rate: int) -> LatentForward:
        """Probability of each integer under its item's histogram, and what the decoder will see; no gradient."""
        q = self.quantize(y, rate)
        bits, halves = self._tables(rate)[1:]
        rows = self._rows(self.choose(q, rate), q.shape)
        at = np.clip(q.numpy(), -int(halves.max()), int(halves.max())) + int(halves.max())
        return LatentForward({"y": torch.exp2(-torch.from_numpy(bits[rows, at]))}, self.dequantize(q, rate))

    def choose(self, q: Tensor, rate: int) -> np.ndarray:
        """Number of the cheapest histogram for each item of q (items, steps, dims): int32 (items,)."""
        if self.prior.histograms == 1:
            return np.zeros(len(q), np.int32)
        bits, halves = self._tables(rate)[1:]
        widest, dims = int(halves.max()), self.prior.dims
        bits = bits.reshape(self.prior.histograms, -1)
        offsets = np.arange(dims) * (2 * widest + 1) + widest
        chosen = np.zeros(len(q), np.int32)
        for number, item in enumerate(q.numpy()):
            at = np.clip(item, -widest, widest) + offsets
            chosen[number] = (bits @ np.bincount(at.ravel(), minlength=bits.shape[1]).astype(np.float32)).argmin()
        return chosen

    @torch.no_grad()
    def compress(self, y: Tensor, rate: int) -> LatentStrings:
        """One string for all items. Shape: (items, steps, rate)."""
        q = self.quantize(y, rate)
        return LatentStrings([[self.encode(q, rate)]], (*q.shape[:2], rate), self.dequantize(q, rate))

    @torch.no_grad()
    def decompress(self, strings: list[list[bytes]], shape: tuple[int, int, int], **kwargs) -> LatentValues:
        stream = only_stream(strings)
        if len(stream) != 1:
            raise FormatError(f"{len(stream)} strings; a latent under histograms is one")
        return LatentValues(self.dequantize(self.decode(stream[0], shape), shape[2]))

    def encode(self, q: Tensor, rate: int) -> bytes:
        """The string of int32 q (items, steps, dims)."""
        chosen, tables = self.choose(q, rate), self._tables(rate)[0]
        encoder = self.coder.encoder()
        encoder.push(chosen, np.full(len(chosen), self._last_row, np.int32), tables)
        encoder.push(np.ascontiguousarray(q.numpy()), self._rows(chosen, q.shape), tables)
        return encoder.finish()

    def decode(self, string: bytes, shape: tuple[int, int, int]) -> Tensor:
        """q of shape (items, steps, rate). FormatError or DesyncError when the string does not hold it."""
        items, steps, rate = shape
        count = items * steps * self.prior.dims
        if min(shape) < 0 or not count < 1 << 31 or items + count > SYMBOLS_PER_BYTE * len(string):
            raise FormatError(f"a string of {len(string)} bytes does not hold {items} items of {steps} steps")
        self.step(rate)
        decoder, tables = self.coder.decoder(string), self._tables(rate)[0]
        chosen = decoder.pull(np.full(items, self._last_row, np.int32), tables)
        if items and not (chosen.min() >= 0 and chosen.max() < self.prior.histograms):
            raise FormatError(f"the stream names a histogram beyond the {self.prior.histograms} there are")
        q = decoder.pull(self._rows(chosen, (items, steps, self.prior.dims)), tables)
        decoder.finish()
        return torch.from_numpy(q)

    @property
    def _last_row(self) -> int:
        return self.prior.histograms * self.prior.dims

    def _rows(self, chosen: np.ndarray, shape) -> np.ndarray:
        rows = chosen[:, None, None] * self.prior.dims + np.arange(self.prior.dims)
        return np.ascontiguousarray(np.broadcast_to(rows, tuple(shape)), np.int32)

    def _tables(self, rate: int) -> tuple:
        state = self.prior.cumulative._version, id(self.prior.cumulative)
        if self._made_from != state:
            self._made, self._made_from = {}, state
        if rate not in self._made:
            while len(self._made) >= _KEPT_RATES:
                self._made.pop(next(iter(self._made)))
            self._made[rate] = (self.coder.tables(*self.prior.tables(rate)), *self.prior.bits(rate))
        return self._made[rate]

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_made": {}, "_made_from": None}
