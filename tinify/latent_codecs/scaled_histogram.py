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
_DEAD_ZONE, _DEAD_UNTIL = 0.15, 64  # at rate 0, in steps; the rate from which on there is none
_KEPT_RATES = 4  # tables of so many rates are kept registered


class ScaledHistogramLatentCodec(LatentCodec):
    """Codes y (items, steps, dims); every `run` steps of an item take the histogram of the prior that suits them best.

        y ──► round y / step  ──► q ──► coder ──► string          step = 8 * 2^(-rate / 8)
                                       ▲ table of (histogram of the run, dimension, step)

    One stream: the numbers of the histograms, each given the one before it, all items at once; then q in C order.
    Values without a bin are escaped.
    """

    def __init__(self, prior: ScaledHistogram, run: int = 64, coder: str = "rans32"):
        super().__init__()
        self.prior, self.run = prior, int(run)
        self.quantizer = Uniform()
        self.coder = registry.build("coder", coder)
        self._made: dict[tuple, tuple] = {}

    @staticmethod
    def step(rate: int) -> float:
        """The step of a rate in 0 ... 80: 8.0 ... 1/128. FormatError for another rate."""
        if not 0 <= rate < RATES:
            raise FormatError(f"rate is {rate}; allowed: 0 to {RATES - 1}")
        return step_of(rate) * 2 * HALF_UNIT

    def quantize(self, y: Tensor, rate: int) -> Tensor:
        """int32 q of y; what is not finite becomes the nearest integer there is.

        Numbers are rounded a little towards zero, the more so the coarser the step, which saves more bits than it
        costs in error: 3 to 10 per cent on real series at coarse steps. Source: Sullivan 1996 (dead zones)."""
        scaled = torch.nan_to_num(y.detach() / self.step(rate)).clamp(-_MAX_SYMBOL, _MAX_SYMBOL)
        less = _DEAD_ZONE * max(0.0, 1 - rate / _DEAD_UNTIL)
        return self.quantizer.quantize(torch.sign(scaled) * (scaled.abs() - less).clamp(min=0))

    def dequantize(self, q: Tensor, rate: int) -> Tensor:
        return self.quantizer.dequantize(q) * self.step(rate)

    def forward(self, y: Tensor, rate: int) -> LatentForward:
        """Probability of each integer, and of each histogram's number; what the decoder will see; no gradient."""
        q = self.quantize(y, rate)
        chosen = self.choose(q, rate)
        bits, halves = self._tables(rate)[1:]
        widest = int(halves.max())
        rows = self._rows(chosen, q.shape)
        numbers = bits[rows, np.clip(q.numpy(), -widest, widest) + widest]
        choices = self.prior.transition_bits()[self._before(chosen), chosen]
        likelihoods = {"y": torch.from_numpy(numbers), "histogram": torch.from_numpy(choices)}
        return LatentForward({k: torch.exp2(-v) for k, v in likelihoods.items()}, self.dequantize(q, rate))

    def choose(self, q: Tensor, rate: int) -> np.ndarray:
        """Numbers of the cheapest histograms, with what it costs to say so, for q (items, steps, dims): int32
        (items, runs). One run after the other: what a choice means for the next one is not followed."""
        cost, out = self._costs(q.numpy(), rate), np.zeros((len(q), self._runs(q.shape[1])), np.int32)
        switch, before = self.prior.transition_bits(), np.full(len(q), self.prior.histograms)
        for number in range(out.shape[1]):
            before = out[:, number] = (cost[:, number] + switch[before]).argmin(axis=1)
        return out

    def _costs(self, q: np.ndarray, rate: int) -> np.ndarray:
        """Bits (items, runs, histograms) of each run under each histogram."""
        bits, halves = self._tables(rate)[1:]
        widest, (items, steps, dims) = int(halves.max()), q.shape
        at = np.clip(q, -widest, widest) + (np.arange(dims) * (2 * widest + 1) + widest)
        full = steps // self.run * self.run
        # What is left over is a run of its own, and where it is nothing, none.
        whole = at[:, :full].reshape(items, full // self.run, self.run * dims)
        rest = at[:, full:].reshape(items, int(full < steps), (steps - full) * dims)
        tables = bits.reshape(self.prior.histograms, -1)
        costs = [np.stack([table[part].sum(axis=2) for table in tables], axis=2) for part in (whole, rest)]
        return np.concatenate(costs, axis=1)

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
        before = self._before(chosen) + self.prior.first_transition
        encoder.push(np.ascontiguousarray(chosen.T), np.ascontiguousarray(before.T, np.int32), tables)
        encoder.push(np.ascontiguousarray(q.numpy()), self._rows(chosen, q.shape), tables)
        return encoder.finish()

    def decode(self, string: bytes, shape: tuple[int, int, int]) -> Tensor:
        """q of shape (items, steps, rate). FormatError or DesyncError when the string does not hold it."""
        items, steps, rate = shape
        count = items * steps * self.prior.dims
        if min(shape) < 0 or not count < 1 << 31 or count > SYMBOLS_PER_BYTE * len(string):
            raise FormatError(f"a string of {len(string)} bytes does not hold {items} items of {steps} steps")
        self.step(rate)
        decoder, tables = self.coder.decoder(string), self._tables(rate)[0]
        chosen = np.zeros((items, self._runs(steps)), np.int32)
        before = np.full(items, self.prior.histograms, np.int32)
        for number in range(chosen.shape[1] if items else 0):
            before = decoder.pull(before + np.int32(self.prior.first_transition), tables)
            if not (before.min() >= 0 and before.max() < self.prior.histograms):
                raise FormatError(f"the stream names a histogram beyond the {self.prior.histograms} there are")
            chosen[:, number] = before
        q = decoder.pull(self._rows(chosen, (items, steps, self.prior.dims)), tables)
        decoder.finish()
        return torch.from_numpy(q)

    def _runs(self, steps: int) -> int:
        return -(-steps // self.run)

    def _before(self, chosen: np.ndarray) -> np.ndarray:
        """The number of the histogram before each; that of none at the start."""
        before = np.full_like(chosen, self.prior.histograms)
        before[:, 1:] = chosen[:, :-1]
        return before

    def _rows(self, chosen: np.ndarray, shape) -> np.ndarray:
        _, steps, dims = shape
        first = np.repeat(chosen * np.int32(dims), self.run, axis=1)[:, :steps]
        return first[:, :, None] + np.arange(dims, dtype=np.int32)

    def _tables(self, rate: int) -> tuple:
        """The coder's handle, bits and halves of a rate. Several threads may ask: what is kept is replaced whole."""
        state = (rate, *((b._version, id(b)) for b in (self.prior.cumulative, self.prior.transitions)))
        made = self._made.get(state)
        if made is None:
            tables = self.prior.tables(rate)
            made = (self.coder.tables(*tables), *self.prior.bits(tables))
            kept = list(self._made.items())[1 - _KEPT_RATES :]
            self._made = dict([*kept, (state, made)])
        return made

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_made": {}}
