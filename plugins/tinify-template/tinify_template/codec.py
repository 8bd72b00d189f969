# SPDX-License-Identifier: Apache-2.0
"""A small picture codec around any quantizer that has steps."""

from __future__ import annotations

from torch import Tensor, nn

from tinify.entropy_models import EntropyBottleneck
from tinify.latent_codecs import LatentCodec, LatentForward, LatentStrings, LatentValues, only_stream
from tinify.layers import GDN, conv, deconv
from tinify.models import ImageCodec
from tinify.quantizers import Quantizer


class SmallPicture(ImageCodec):
    """Two strided convolutions a side; what is between them is rounded by `quantizer` and coded.

    x (B, 3, H, W) in [0, 1], H and W multiples of 4 -> g_a -> y (B, channels, H / 4, W / 4) -> ... -> g_s -> x_hat

    Files, padding, grey pictures, alpha and tiles are `ImageCodec`'s affair.
    """

    def __init__(self, quantizer: Quantizer, channels: int = 16):
        super().__init__()
        self.g_a = nn.Sequential(conv(3, channels), GDN(channels), conv(channels, channels))
        self.g_s = nn.Sequential(deconv(channels, channels), GDN(channels, inverse=True), deconv(channels, 3))
        self.quantizer = quantizer
        self.entropy_bottleneck = EntropyBottleneck(channels)
        self.gain = None  # one rate; a tinify.latent_codecs.Gain would give every rate

    @property
    def downsampling_factor(self) -> int:
        return 4

    @property
    def latent_codec(self) -> LatentCodec:
        return SteppedLatent(self.quantizer, self.entropy_bottleneck)


class SteppedLatent(LatentCodec):
    """y ──► less the middle ──► quantizer ──► symbols ──► a learned table for each channel ──► coder ──► strings"""

    def __init__(self, quantizer: Quantizer, entropy_bottleneck: EntropyBottleneck):
        super().__init__()
        self.quantizer, self.entropy_bottleneck = quantizer, entropy_bottleneck

    def forward(self, y: Tensor) -> LatentForward:
        middle = self._middle(y.shape)
        _, likelihoods = self.entropy_bottleneck(y / self.quantizer.step)
        return LatentForward({"y": likelihoods}, self.quantizer(y - middle).y_hat + middle)

    def compress(self, y: Tensor) -> LatentStrings:
        middle = self._middle(y.shape)
        symbols = self.quantizer.quantize(y - middle)
        strings = self.entropy_bottleneck.encode(symbols, self.entropy_bottleneck.build_indexes(y.shape))
        return LatentStrings([strings], y.shape[2:], self.quantizer.dequantize(symbols) + middle)

    def decompress(self, strings: list[list[bytes]], shape, **_) -> LatentValues:
        # Of symbols at a step of 1: checks that so many can be in the strings, before memory is taken for them.
        values = self.entropy_bottleneck.decompress(only_stream(strings), shape)
        symbols = (values - self.entropy_bottleneck.medians_like(values.shape)).round().int()
        return LatentValues(self.quantizer.dequantize(symbols) + self._middle(values.shape))

    def _middle(self, shape) -> Tensor:
        return self.entropy_bottleneck.medians_like(shape) * self.quantizer.step
