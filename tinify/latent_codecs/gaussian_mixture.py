# SPDX-License-Identifier: Apache-2.0
"""A latent under mixtures of Gaussians whose parameters are given from outside."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tinify.entropy_models.gaussian_mixture import GaussianMixtureConditional
from tinify.latent_codecs.base import LatentForward, LatentStrings, LatentValues, only_stream
from tinify.latent_codecs.gaussian_conditional import GaussianConditionalLatentCodec

Parts = tuple[Tensor, ...]


class GaussianMixtureLatentCodec(GaussianConditionalLatentCodec):
    """Codes y (B, C, H, W), rounded, with 3 K C channels of `entropy_parameters(ctx_params)`: scales, means and the
    logarithms of weights, each of K C channels, component after component.

        y ──►── round ──►── y_hat, under K Gaussians for each element

    Source: Cheng et al. 2020, arXiv:2001.01568.
    """

    def __init__(
        self,
        gaussian_conditional: GaussianMixtureConditional | None = None,
        entropy_parameters: nn.Module | None = None,
        quantizer: str = "noise",
        **kwargs,
    ):
        mixture = gaussian_conditional or GaussianMixtureConditional(**kwargs)
        super().__init__(None, mixture, entropy_parameters, quantizer)

    def parts(self, ctx_params: Tensor) -> Parts:
        scales, means, logits = self.entropy_parameters(ctx_params).chunk(3, 1)
        return scales, means, self.gaussian_conditional.shares(logits)

    def forward(self, y: Tensor, ctx_params: Tensor) -> LatentForward:
        y_hat, likelihoods = self.gaussian_conditional(y, *self.parts(ctx_params.to(y.dtype)))
        return LatentForward({"y": likelihoods}, self.quantized(y, ctx_params) if self.quantizer == "ste" else y_hat)

    def scales_and_means(self, ctx_params: Tensor) -> tuple[Tensor, Tensor | None]:
        """Values are rounded as they are: no mean is taken away first."""
        return self.parts(ctx_params)[0], None

    def push(self, encoders: list, y: Tensor, parts: Parts) -> Tensor:
        symbols = self.gaussian_conditional.quantize(y, "symbols")
        self.gaussian_conditional.push(encoders, symbols, *parts)
        return symbols.float()

    def pull(self, decoders: list, parts: Parts) -> Tensor:
        return self.gaussian_conditional.pull(decoders, *parts).float()

    def compress(self, y: Tensor, ctx_params: Tensor) -> LatentStrings:
        strings = self.gaussian_conditional.compress(y, *self.parts(ctx_params))
        return LatentStrings([strings], y.shape[2:], torch.round(y))

    def decompress(self, strings: list[list[bytes]], shape, ctx_params: Tensor, **kwargs) -> LatentValues:
        parts = self.parts(ctx_params)
        return LatentValues(self.gaussian_conditional.decompress(only_stream(strings), *parts).float())
