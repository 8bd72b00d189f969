# SPDX-License-Identifier: Apache-2.0
"""A latent whose Gaussian parameters are given from outside."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from tinify.entropy_models import GaussianConditional
from tinify.errors import ConfigError
from tinify.latent_codecs.base import LatentCodec, LatentForward, LatentStrings, LatentValues, only_stream
from tinify.ops import quantize_ste

_QUANTIZERS = ("noise", "ste")
_CHUNKS = (("scales",), ("scales", "means"), ("means", "scales"))


class GaussianConditionalLatentCodec(LatentCodec):
    """Codes y (B, C, H, W) with the scales (and means) that `entropy_parameters(ctx_params)` gives.

                          ctx_params
                              ▼
                           ┌──┴──┐
                           │  EP │
                           └──┬──┘
               ┌───┐  y_hat   ▼
        y ──►──┤ Q ├────►────····──►── y_hat
               └───┘          GC

    `chunks` says what the channels of the parameters are: ("scales", "means"), ("means", "scales") or ("scales",).
    `quantizer` "ste" hands rounded instead of noisy values on while training; the likelihood stays noisy.

    Source: Ballé et al. 2018, arXiv:1802.01436; Minnen et al. 2018, arXiv:1809.02736.
    """

    def __init__(
        self,
        scale_table=None,
        gaussian_conditional: GaussianConditional | None = None,
        entropy_parameters: nn.Module | None = None,
        quantizer: str = "noise",
        chunks: tuple[str, ...] = ("scales", "means"),
        **kwargs,
    ):
        super().__init__()
        if quantizer not in _QUANTIZERS or tuple(chunks) not in _CHUNKS:
            raise ConfigError(f"quantizer {quantizer!r} of {_QUANTIZERS}, chunks {chunks!r} of {_CHUNKS}")
        self.quantizer = quantizer
        self.gaussian_conditional = gaussian_conditional or GaussianConditional(scale_table, **kwargs)
        self.entropy_parameters = entropy_parameters or nn.Identity()
        self.chunks = tuple(chunks)

    def scales_and_means(self, ctx_params: Tensor) -> tuple[Tensor, Tensor | None]:
        """The parameters of each element of y, of what the outer codec knows of it."""
        params = self.entropy_parameters(ctx_params)
        if self.chunks == ("scales",):
            return params, None
        first, second = params.chunk(2, 1)
        scales, means = (first, second) if self.chunks[0] == "scales" else (second, first)
        # Scales may come in float64, as they choose the tables; a mean only shifts the values.
        return scales, means.to(self.gaussian_conditional.scale_bound.dtype)

    def parts(self, ctx_params: Tensor) -> tuple[Tensor | None, ...]:
        """What the tables of each element hang on, of what the outer codec knows of it."""
        return self.scales_and_means(ctx_params)

    def indexes(self, parts: tuple[Tensor | None, ...]) -> Tensor:
        """The table of each element."""
        return self.gaussian_conditional.build_indexes(parts[0])

    def symbols(self, y: Tensor, parts: tuple[Tensor | None, ...]) -> Tensor:
        """int32, of values of y."""
        return self.gaussian_conditional.quantize(y, "symbols", parts[1])

    def values(self, symbols: Tensor, parts: tuple[Tensor | None, ...], dtype: torch.dtype = torch.float) -> Tensor:
        """y_hat, of symbols."""
        return self.gaussian_conditional.dequantize(symbols, parts[1], dtype)

    def rounded(self, y: Tensor, parts: tuple[Tensor | None, ...]) -> Tensor:
        """y_hat of some of y (B, C, n)."""
        return self.values(self.symbols(y.double(), parts), parts)

    def push(self, encoders: list, y: Tensor, parts: tuple[Tensor | None, ...]) -> Tensor:
        """Adds some of y (B, C, n) to streams of the entropy model, an item to each; y_hat there."""
        symbols, indexes = self.symbols(y, parts), self.indexes(parts)
        _, tables = self.gaussian_conditional.coder_and_tables()
        for encoder, s, i in zip(encoders, symbols.numpy(), indexes.numpy(), strict=True):
            encoder.push(s, i, tables)
        return self.values(symbols, parts)

    def pull(self, decoders: list, parts: tuple[Tensor | None, ...]) -> Tensor:
        """y_hat (B, C, n), of what `push` added."""
        _, tables = self.gaussian_conditional.coder_and_tables()
        symbols = [decoder.pull(i, tables) for decoder, i in zip(decoders, self.indexes(parts).numpy(), strict=True)]
        return self.values(torch.from_numpy(np.stack(symbols)), parts)

    def forward(self, y: Tensor, ctx_params: Tensor) -> LatentForward:
        scales, means = self.scales_and_means(ctx_params)
        y_hat, likelihoods = self.gaussian_conditional(y, scales.to(y.dtype), means)
        return LatentForward({"y": likelihoods}, self.quantized(y, ctx_params) if self.quantizer == "ste" else y_hat)

    def quantized(self, y: Tensor, ctx_params: Tensor) -> Tensor:
        """y as the decoder sees it, rounded around its means, with the gradient of y; noisy in training with noise."""
        means = self.scales_and_means(ctx_params)[1]
        if self.quantizer == "noise" and self.gaussian_conditional.training:
            return self.gaussian_conditional.quantize(y, "noise")
        return quantize_ste(y) if means is None else quantize_ste(y - means) + means

    def compress(self, y: Tensor, ctx_params: Tensor) -> LatentStrings:
        parts = self.parts(ctx_params)
        symbols = self.symbols(y, parts)
        strings = self.gaussian_conditional.encode(symbols, self.indexes(parts))
        return LatentStrings([strings], y.shape[2:], self.values(symbols, parts))

    def decompress(self, strings: list[list[bytes]], shape, ctx_params: Tensor, **kwargs) -> LatentValues:
        """`shape` is not needed: the parameters have it."""
        parts = self.parts(ctx_params)
        symbols = self.gaussian_conditional.decode(only_stream(strings), self.indexes(parts))
        return LatentValues(self.values(symbols, parts))
