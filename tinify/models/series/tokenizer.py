# SPDX-License-Identifier: Apache-2.0
"""The tokenizer codec for time series: a transform of patches, residual quantization, a prior over tokens."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from tinify.errors import InputError
from tinify.latent_codecs.tokens import TokenLatentCodec
from tinify.models.base import Codec
from tinify.models.series.composition import Part, build_prior, build_quantizer, build_transform
from tinify.models.series.files import SeriesFiles
from tinify.records import CompressOutput, DecompressOutput, ForwardOutput

_GROUP = 512  # sequences that go through a network at a time: bounds the memory
_PROBE = 1024  # patches on which the error of a quality is measured


class Tokenizer(SeriesFiles, Codec):
    """Every channel is cut into patches; each becomes up to `stages` tokens.

               ┌────────┐  y  ┌───┐ tokens         ┌───┐ y_hat ┌─────────┐
        x ──►──┤analysis├──►──┤RVQ├───►──····──►───┤RVQ├───►───┤synthesis├──►── x_hat
               └────────┘     └───┘    prior+coder └───┘       └─────────┘

    x (B, C, T) float32 of about unit variance, T a multiple of `patch`. Channels are coded alike and apart, so a series
    may have any number of them. The number of stages and the weight of the bits in the choice of tokens make the rate.

    `transform`, `quantizer` and `prior` are names or tables (see composition.py); `stages` and `codebook_size` are for
    every stage of a named quantizer (8 where not said), `width` for both sides of a named transform. `coder` is that of
    priors that are tables.

    Source: composed after van den Oord et al. 2017, arXiv:1711.00937 (VQ), Zeghidour et al. 2021, arXiv:2107.03312
    (residual stages) and Talukder et al. 2024, arXiv:2402.16412 (tokens for series).
    """

    modality: ClassVar[str] = "series"

    def __init__(
        self,
        patch: int = 16,
        stages: int | None = None,
        codebook_size: int = 256,
        width: int | None = None,
        prior: Part = "markov1",
        transform: Part = "patch",
        quantizer: Part = "vq",
        coder: str = "rangecoder",
    ):
        super().__init__()
        self.patch = int(patch)
        self.analysis, self.synthesis = build_transform(transform, self.patch, width)
        residual = build_quantizer(quantizer, self.analysis.dim, stages, codebook_size)
        self.latent_codec = TokenLatentCodec(residual, build_prior(prior, residual), coder)

    @property
    def stages(self) -> int:
        """The largest number of tokens a patch can have."""
        return len(self.latent_codec.quantizer.stages)

    def forward(self, x: Tensor, stages: int | None = None) -> ForwardOutput:
        sequences = self._sequences(x)
        out = self.latent_codec(self.analysis(sequences), stages)
        return ForwardOutput(self.synthesis(out.y_hat).reshape(x.shape), out.likelihoods)

    @torch.no_grad()
    def compress(self, x: Tensor, quality: float | None = None) -> CompressOutput:
        """Strings and the shape (B, C, patches, stages) that `decompress` needs."""
        y, stages, lmbda = self._prepared(x, quality)
        out = self.latent_codec.compress(y, stages, lmbda)
        return CompressOutput(out.strings, (*x.shape[:2], *out.shape[1:]))

    @torch.no_grad()
    def tokenize(self, x: Tensor, quality: float | None = None) -> Tensor:
        """The tokens (B, C, patches, stages), int64, that `compress` would write: for heads that need no decoder."""
        tokens = self.latent_codec.tokenize(*self._prepared(x, quality))
        return tokens.reshape(*x.shape[:2], *tokens.shape[1:])

    def _prepared(self, x: Tensor, quality: float | None) -> tuple[Tensor, int, float]:
        y = self._by_groups(self.analysis, self._sequences(x))
        stages, weight = self.rate_of(self.default_quality if quality is None else quality)
        return y, stages, weight * self._error(y, stages)

    @torch.no_grad()
    def decompress(self, strings: list[list[bytes]], shape: tuple[int, int, int, int]) -> DecompressOutput:
        batch, channels, steps, stages = shape
        y_hat = self.latent_codec.decompress(strings, (batch * channels, steps, stages)).y_hat
        x_hat = self._by_groups(self.synthesis, y_hat)
        return DecompressOutput(x_hat.reshape(batch, channels, steps * self.patch))

    def rate_of(self, quality: float) -> tuple[int, float]:
        """`(stages, weight)` of a quality in [0, 100]: tokens a patch, and the weight of a bit against the squared
        error of a patch, in units of the mean squared error of a sample that so many stages leave."""
        if not 0 <= quality <= 100:
            raise InputError(f"quality is {quality}; allowed: 0 to 100")
        position = quality / 100 * self.stages
        stages = min(max(math.ceil(position), 1), self.stages)
        return stages, 2.0 * 8.0 ** (stages - 1 - position)

    def _error(self, y: Tensor, stages: int) -> float:
        flat = y.reshape(-1, y.shape[-1])
        probe = flat[:: max(1, len(flat) // _PROBE)]
        quantizer = self.latent_codec.quantizer
        return float((probe - quantizer.dequantize(quantizer.quantize(probe, stages))).square().mean())

    def _sequences(self, x: Tensor) -> Tensor:
        if x.dim() != 3 or x.shape[2] % self.patch:
            raise InputError(f"expected (B, C, T) with T a multiple of {self.patch}, got {tuple(x.shape)}")
        return x.flatten(0, 1)

    @staticmethod
    def _by_groups(network, sequences: Tensor) -> Tensor:
        if len(sequences) <= _GROUP:
            return network(sequences)
        return torch.cat([network(group) for group in sequences.split(_GROUP)])
