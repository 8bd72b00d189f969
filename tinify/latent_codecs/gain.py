# SPDX-License-Identifier: Apache-2.0
"""A gain around another latent codec: one set of weights, every rate."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tinify.latent_codecs.base import LatentCodec, LatentForward, LatentStrings, LatentValues
from tinify.layers.level_table import between


class Gain(nn.Module):
    """Learned gain and inverse gain for each channel at `levels` rates, interpolated in between.

    `at(level)` with level in [0, levels - 1] gives (gain, inverse), each (1, C, 1, 1), or (B, C, 1, 1) for levels (B,),
    and positive: exp of the linear interpolation of the logarithms. At the start the gain is the same for all channels
    and grows from `low` to `high` in even ratios.

    Source: Cui, Wang, Bai et al. 2021, "Asymmetric Gained Deep Image Compression With Continuous Rate Adaptation",
    arXiv:2003.02012.
    """

    def __init__(self, channels: int, levels: int = 8, low: float = 1.0, high: float = 10.0):
        super().__init__()
        start = torch.linspace(torch.tensor(low).log().item(), torch.tensor(high).log().item(), levels)
        self.levels = int(levels)
        self.log_gain = nn.Parameter(start[:, None].repeat(1, channels))
        self.log_inverse = nn.Parameter(-start[:, None].repeat(1, channels))

    def at(self, level: float | Tensor) -> tuple[Tensor, Tensor]:
        return between(self.log_gain, level).exp(), between(self.log_inverse, level).exp()


class GainLatentCodec(LatentCodec):
    """Scales y before and back after another latent codec.

        y ──► x gain ──► latent codec ──► x inverse ──► y_hat

    A larger gain is a finer quantization step: more bits, less distortion. The inner codec sees the scaled latent in
    all its branches, so its entropy parameters follow the gain by themselves.
    """

    def __init__(self, latent_codec: LatentCodec, gain: Tensor, inverse: Tensor):
        super().__init__()
        self.latent_codec = latent_codec
        self.gain, self.inverse = gain, inverse

    def forward(self, y: Tensor, *args) -> LatentForward:
        out = self.latent_codec(y * self.gain, *args)
        return LatentForward(out.likelihoods, out.y_hat * self.inverse)

    def compress(self, y: Tensor, *args) -> LatentStrings:
        out = self.latent_codec.compress(y * self.gain, *args)
        return LatentStrings(out.strings, out.shape, out.y_hat * self.inverse)

    def decompress(self, strings: list[list[bytes]], shape, *args, **kwargs) -> LatentValues:
        return LatentValues(self.latent_codec.decompress(strings, shape, *args, **kwargs).y_hat * self.inverse)
