# SPDX-License-Identifier: Apache-2.0
"""What series codecs with a continuous latent share: one step for the rate, histograms for the coding."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from tinify.entropy_models.scaled_histogram import RATES, ScaledHistogram
from tinify.errors import ConfigError, InputError
from tinify.latent_codecs.scaled_histogram import ScaledHistogramLatentCodec
from tinify.models.base import Codec
from tinify.models.series.files import SeriesFiles
from tinify.records import CompressOutput, DecompressOutput, ForwardOutput

_GROUP_VALUES = 1 << 18  # values that go through a network at a time: bounds the memory
_RUN_VALUES = 512  # samples that share a histogram
_LARGEST = 1e6  # in standard deviations; what is beyond is cut before it meets a network


class SeriesAutoencoder(SeriesFiles, Codec):
    """Every channel is cut into windows; a window becomes `window / patch` latent vectors of `latents` numbers.

               ┌────────┐  y  ┌──────┐ q             ┌──────┐ y_hat ┌─────────┐
        x ──►──┤analysis├──►──┤/ step├─►──··coder··──┤* step├───►───┤synthesis├──►── x_hat
               └────────┘     │ round│   histograms  └──────┘       └─────────┘
                              └──────┘

    x (B, C, T) float32 of about unit variance, T a multiple of `patch`. Channels are coded alike and apart; about
    every 512 samples of one take the histogram that suits them. The latent does not depend on the rate; the synthesis
    is told the step. `ranges` (2, latents) are the ends of what eight bits a number would hold, and say which numbers
    matter most.
    """

    modality: ClassVar[str] = "series"
    default_quality: ClassVar[float] = 60.0
    ranges: Tensor

    def __init__(self, window: int, patch: int, latents: int, histograms: int):
        super().__init__()
        if window < patch or window % patch:
            raise ConfigError(f"window is {window}; allowed: multiples of {patch}")
        self.window, self.patch, self.latents = int(window), int(patch), int(latents)
        self.sequence_steps = self.window // self.patch
        prior = ScaledHistogram(latents, histograms)
        self.latent_codec = ScaledHistogramLatentCodec(prior, max(1, _RUN_VALUES // self.patch))
        self.register_buffer("ranges", torch.tensor([[-8.0], [8.0]]).repeat(1, latents))

    @abstractmethod
    def analysis(self, x: Tensor) -> Tensor:
        """y (N, T / patch, latents) of windows x (N, T), T a multiple of `patch`."""

    @abstractmethod
    def synthesis(self, y_hat: Tensor, step: Tensor) -> Tensor:
        """x_hat (N, T) of y_hat (N, T / patch, latents) that was rounded to multiples of `step` (N,)."""

    def forward(self, x: Tensor, quality: float | None = None) -> ForwardOutput:
        """What x becomes, and the probability of each integer of the latent; no gradient passes the rounding."""
        rate = self.rate_of(self.default_quality if quality is None else quality)
        windows = self._windows(x)
        y = self.analysis(windows)
        out = self.latent_codec(y.reshape(len(x), x.shape[1] * x.shape[2] // self.patch, self.latents), rate)
        x_hat = self.synthesis(out.y_hat.reshape(y.shape), self._steps(len(y), rate))
        return ForwardOutput(x_hat.reshape(x.shape), out.likelihoods)

    @torch.no_grad()
    def compress(self, x: Tensor, quality: float | None = None) -> CompressOutput:
        """One string, and the shape (B, C, patches, rate) that `decompress` needs."""
        rate = self.rate_of(self.default_quality if quality is None else quality)
        windows, steps = self._windows(x), x.shape[2] // self.patch
        y = self._by_groups(self.analysis, windows) if x.numel() else x.new_zeros(0)
        strings = self.latent_codec.compress(y.reshape(len(x), x.shape[1] * steps, self.latents), rate).strings
        return CompressOutput(strings, (*x.shape[:2], steps, rate))

    @torch.no_grad()
    def decompress(self, strings: list[list[bytes]], shape: tuple[int, int, int, int]) -> DecompressOutput:
        batch, channels, steps, rate = shape
        y_hat = self.latent_codec.decompress(strings, (batch, channels * steps, rate)).y_hat
        count, length = self._cut(batch * channels, steps)
        y_hat = y_hat.reshape(count, length, self.latents)
        if y_hat.numel():
            y_hat = self._by_groups(lambda part: self.synthesis(part, self._steps(len(part), rate)), y_hat)
        return DecompressOutput(y_hat.reshape(batch, channels, steps * self.patch))

    def rate_of(self, quality: float) -> int:
        """The rate, 0 to 80, of a quality in [0, 100]; the step is 8 * 2^(-rate / 8)."""
        if not 0 <= quality <= 100:
            raise InputError(f"quality is {quality}; allowed: 0 to 100")
        return round(quality / 100 * (RATES - 1))

    def _steps(self, count: int, rate: int) -> Tensor:
        return torch.full((count,), self.latent_codec.step(rate))

    def _windows(self, x: Tensor) -> Tensor:
        if x.dim() != 3 or x.shape[2] % self.patch:
            raise InputError(f"expected (B, C, T) with T a multiple of {self.patch}, got {tuple(x.shape)}")
        count, steps = self._cut(x.shape[0] * x.shape[1], x.shape[2] // self.patch)
        windows = x.reshape(count, steps * self.patch)
        return torch.nan_to_num(windows).clamp(-_LARGEST, _LARGEST)

    def _cut(self, sequences: int, steps: int) -> tuple[int, int]:
        """How many windows, of how many patches each, so many sequences of `steps` patches are."""
        if steps > self.sequence_steps and steps % self.sequence_steps:
            raise InputError(f"{steps} patches are not whole windows of {self.sequence_steps}")
        length = min(steps, self.sequence_steps)
        return sequences * steps // max(length, 1), length

    @staticmethod
    def _by_groups(network, items: Tensor) -> Tensor:
        size = max(1, _GROUP_VALUES // max(1, math.prod(items.shape[1:])))
        groups = items.split(size) if len(items) else (items,)
        return torch.cat([network(group) for group in groups])
