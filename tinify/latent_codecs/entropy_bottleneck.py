# SPDX-License-Identifier: Apache-2.0
"""A latent under the factorized prior."""

from __future__ import annotations

from torch import Tensor

from tinify.entropy_models import EntropyBottleneck
from tinify.latent_codecs.base import LatentCodec, LatentForward, LatentStrings, LatentValues, only_stream


class EntropyBottleneckLatentCodec(LatentCodec):
    """Codes y (B, C, H, W) with one learned distribution a channel.

               ┌───┐ y_hat
        y ──►──┤ Q ├───►───····───►─── y_hat
               └───┘        EB

    Source: Ballé et al. 2018, arXiv:1802.01436.
    """

    def __init__(self, entropy_bottleneck: EntropyBottleneck | None = None, **kwargs):
        super().__init__()
        self.entropy_bottleneck = entropy_bottleneck or EntropyBottleneck(**kwargs)

    def forward(self, y: Tensor) -> LatentForward:
        y_hat, likelihoods = self.entropy_bottleneck(y)
        return LatentForward({"y": likelihoods}, y_hat)

    def compress(self, y: Tensor) -> LatentStrings:
        bottleneck = self.entropy_bottleneck
        medians = bottleneck.medians_like(y.shape)
        symbols = bottleneck.quantize(y, "symbols", medians)
        strings = bottleneck.encode(symbols, bottleneck.build_indexes(y.shape))
        return LatentStrings([strings], y.shape[2:], bottleneck.dequantize(symbols, medians))

    def decompress(self, strings: list[list[bytes]], shape, **kwargs) -> LatentValues:
        return LatentValues(self.entropy_bottleneck.decompress(only_stream(strings), shape))
