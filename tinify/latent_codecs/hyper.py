# SPDX-License-Identifier: Apache-2.0
"""The side-information branch of a hyperprior."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tinify.entropy_models import EntropyBottleneck
from tinify.errors import ConfigError
from tinify.latent_codecs.base import LatentCodec, only_stream
from tinify.layers.double import in_double
from tinify.ops import quantize_ste
from tinify.records import Record


@dataclass(frozen=True, eq=False)
class HyperForward(Record):
    """`forward` of the branch: the probabilities of z, and the parameters for the latent beside it."""

    likelihoods: Mapping[str, Tensor]
    params: Tensor


@dataclass(frozen=True, eq=False)
class HyperStrings(Record):
    """`compress` of the branch."""

    strings: list[list[bytes]]
    shape: Any
    params: Tensor


@dataclass(frozen=True, eq=False)
class HyperParams(Record):
    """`decompress` of the branch."""

    params: Tensor


class HyperLatentCodec(LatentCodec):
    """Codes z = h_a(y) under a factorized prior and gives params = h_s(z_hat).

               ┌───┐  z  ┌───┐ z_hat      z_hat ┌───┐
        y ──►──┤h_a├──►──┤ Q ├───►───····───►───┤h_s├──►── params
               └───┘     └───┘        EB        └───┘

    For coding, and for evaluation so that it shows what coding gives, h_s runs in float64 (`precision="double"`): both
    ends choose the same tables whatever their threads and layouts. "single" is what CompressAI does. `qs` is the width
    of the bins of an `EntropyBottleneckVbr`.

    Source: Ballé et al. 2018, arXiv:1802.01436.
    """

    def __init__(
        self,
        entropy_bottleneck: EntropyBottleneck,
        h_a: nn.Module,
        h_s: nn.Module,
        quantizer: str = "noise",
        precision: str = "double",
        qs: Tensor | float | None = None,
        **kwargs,
    ):
        super().__init__()
        if quantizer not in ("noise", "ste"):
            raise ConfigError(f'quantizer is {quantizer!r}; allowed: "noise", "ste"')
        if precision not in ("double", "single"):
            raise ConfigError(f'precision is {precision!r}; allowed: "double", "single"')
        self.entropy_bottleneck = entropy_bottleneck
        self.h_a = h_a
        self.h_s = h_s
        self.quantizer = quantizer
        self.precision = precision
        self._width = {} if qs is None else {"qs": qs}

    def forward(self, y: Tensor) -> HyperForward:
        z_hat, likelihoods = self._rounded(self.h_a(y))
        return HyperForward({"z": likelihoods}, self._estimated(z_hat))

    def compress(self, y: Tensor) -> HyperStrings:
        z = self.h_a(y)
        strings, z_hat = self._coded(z)
        return HyperStrings([strings], z.shape[2:], self._params(z_hat))

    def decompress(self, strings: list[list[bytes]], shape, **kwargs) -> HyperParams:
        return HyperParams(self._params(self._decoded(strings, shape)))

    def _rounded(self, z: Tensor) -> tuple[Tensor, Tensor]:
        z_hat, likelihoods = self.entropy_bottleneck(z, **self._width)
        if self.quantizer == "ste":
            medians = self.entropy_bottleneck.medians_like(z.shape)
            z_hat = quantize_ste(z - medians) + medians
        return z_hat, likelihoods

    def _coded(self, z: Tensor) -> tuple[list[bytes], Tensor]:
        return self.entropy_bottleneck.coded(z, **self._width)

    def _decoded(self, strings: list[list[bytes]], shape) -> Tensor:
        return self.entropy_bottleneck.decompress(only_stream(strings), shape, **self._width)

    def _estimated(self, z_hat: Tensor) -> Tensor:
        """The parameters in `forward`."""
        evaluates = not (self.entropy_bottleneck.training or torch.is_grad_enabled())
        return self._params(z_hat) if evaluates else self.h_s(z_hat)

    def _params(self, z_hat: Tensor) -> Tensor:
        return in_double(self.h_s, z_hat) if self.precision == "double" else self.h_s(z_hat.contiguous())
