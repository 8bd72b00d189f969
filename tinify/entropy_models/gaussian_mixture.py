# SPDX-License-Identifier: Apache-2.0
"""Mixtures of Gaussians whose weights, means and scales come from side information."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tinify.entropy_models.base import EntropyModel
from tinify.entropy_models.gaussian_conditional import SCALES_MAX, SCALES_MIN, cumulative
from tinify.entropy_models.mixture_search import Mixtures, decision_tables
from tinify.errors import DesyncError, InputError
from tinify.ops import LowerBound, elementary


class GaussianMixtureConditional(EntropyModel):
    """Each element is one of K Gaussians of its own weights, means and scales, convolved with the unit bin.

        scales, means, weights -> whole numbers -> cumulative F -> "is y >= t?" under F, t after t -> coder

    Shapes: inputs (B, C, ...) -> y_hat = round(inputs) and likelihoods; scales, means, weights (B, K C, ...), component
    after component; weights are positive and sum to 1 over the components. Any integer can be coded, and nothing is
    sent beside it: the decoder searches the same cumulative, in integers, by as many decisions as it takes; an element
    near its mean takes two. Parameters are whole numbers first (1/64 of a mean, 1/16 octave of a scale, 1/1024 of a
    weight), so both ends have the same probabilities.

    Source: Cheng, Sun, Takeuchi, Katto 2020, arXiv:2001.01568; search in place of tables: after Ge et al. 2025,
    "FlashGMM", arXiv:2509.18815.
    """

    def __init__(self, K: int = 3, *args: Any, scale_bound: float = SCALES_MIN, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if not 1 <= K <= 16:
            raise InputError(f"a mixture of {K} Gaussians; allowed: 1 to 16")
        self.K = int(K)
        self.lower_bound_scale = LowerBound(scale_bound)

    def update(self, force: bool = False) -> bool:
        """Builds the tables of decisions, which hang on no weights."""
        if self._offset.numel() > 0 and not force:
            return False
        tables = (torch.from_numpy(table).to(self._offset.device) for table in decision_tables())
        self._quantized_cdf, self._cdf_length, self._offset = tables
        return True

    def _likelihood(self, inputs: Tensor, scales: Tensor, means: Tensor, weights: Tensor) -> Tensor:
        parts = (part.unflatten(1, (self.K, inputs.shape[1])) for part in (scales, means, weights))
        scales, means, weights = parts
        values, scales = torch.abs(inputs[:, None] - means), self.lower_bound_scale(scales).clamp_max(SCALES_MAX)
        mass = cumulative((0.5 - values) / scales) - cumulative((-0.5 - values) / scales)
        return (weights * mass).sum(1)

    def forward(
        self, inputs: Tensor, scales: Tensor, means: Tensor, weights: Tensor, training: bool | None = None
    ) -> tuple[Tensor, Tensor]:
        """`(y_hat, likelihoods)`; noise while training, rounding otherwise."""
        training = self.training if training is None else training
        outputs = self.quantize(inputs, "noise" if training else "dequantize")
        likelihood = self._likelihood(outputs, scales, means, weights)
        if self.use_likelihood_bound:
            likelihood = self.likelihood_lower_bound(likelihood)
        return outputs, likelihood

    def compress(self, inputs: Tensor, scales: Tensor, means: Tensor, weights: Tensor) -> list[bytes]:
        """One byte string for each item of inputs (B, C, ...)."""
        encoders = self.encoders(len(inputs))
        self.push(encoders, self.quantize(inputs, "symbols"), scales, means, weights)
        return [encoder.finish() for encoder in encoders]

    def decompress(self, strings: list[bytes], scales: Tensor, means: Tensor, weights: Tensor) -> Tensor:
        """The values (B, C, ...) that `compress` rounded to. FormatError or DesyncError on damaged strings."""
        if len(strings) != len(scales):
            raise ValueError(f"{len(strings)} strings for a batch of {len(scales)}")
        decoders = self.decoders(strings)
        symbols = self.pull(decoders, scales, means, weights)
        for decoder in decoders:
            decoder.finish()
        return self.dequantize(symbols, dtype=scales.dtype)

    def push(self, encoders: list, symbols: Tensor, scales: Tensor, means: Tensor, weights: Tensor) -> None:
        """Adds symbols (B, C, ...), an item to each encoder."""
        tables = self.coder_and_tables()[1]
        mixtures = self._mixtures(scales, means, weights)
        for encoder, mixture, values in zip(encoders, mixtures, symbols.cpu().numpy(), strict=True):
            mixture.search(_pushed(encoder, tables, values.reshape(-1).astype(np.int64)))

    def pull(self, decoders: list, scales: Tensor, means: Tensor, weights: Tensor) -> Tensor:
        """The next symbols (B, C, ...), int32, an item of each decoder. DesyncError where there are none."""
        tables = self.coder_and_tables()[1]
        mixtures = self._mixtures(scales, means, weights, DesyncError)
        found = [mixture.search(_pulled(decoder, tables)) for decoder, mixture in zip(decoders, mixtures, strict=True)]
        shape = (len(found), scales.shape[1] // self.K, *scales.shape[2:])
        return torch.from_numpy(np.stack(found).astype(np.int32)).reshape(shape)

    def _mixtures(
        self, scales: Tensor, means: Tensor, weights: Tensor, error: type[Exception] = InputError
    ) -> list[Mixtures]:
        arrays = [part.detach().cpu().double().unflatten(1, (self.K, -1)).flatten(2).numpy()
                  for part in (scales, means, weights)]  # fmt: skip
        if not all(np.isfinite(array).all() for array in arrays):
            raise error("scales, means or weights of a mixture are not finite")
        return [Mixtures(*item) for item in zip(*arrays, strict=True)]

    def shares(self, logits: Tensor) -> Tensor:
        """Weights (B, K C, ...) of their logarithms, less what all K have in common. With a gradient where the logits
        have one; otherwise by elementary sums of doubles, which are the same on every machine."""
        parts = logits.unflatten(1, (self.K, -1))
        if logits.requires_grad:
            return parts.softmax(1).flatten(1, 2)
        x = parts.cpu().double().numpy()
        powers = elementary.exp(x - x.max(1, keepdims=True))
        total = powers[:, :1].copy()
        for k in range(1, self.K):
            total += powers[:, k : k + 1]
        return torch.from_numpy(powers / total).to(logits).flatten(1, 2)


def _pushed(encoder: Any, tables: Any, values: np.ndarray) -> Callable:
    def decide(which: np.ndarray, thresholds: np.ndarray, rows: np.ndarray) -> np.ndarray:
        up = values[which] >= thresholds
        encoder.push(up.astype(np.int32), rows, tables)
        return up

    return decide


def _pulled(decoder: Any, tables: Any) -> Callable:
    def decide(which: np.ndarray, thresholds: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return decoder.pull(rows, tables)

    return decide
