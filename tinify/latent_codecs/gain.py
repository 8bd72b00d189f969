# SPDX-License-Identifier: Apache-2.0
"""A gain around another latent codec: one set of weights, every rate."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tinify.latent_codecs.base import LatentCodec, LatentForward, LatentStrings, LatentValues


class Gain(nn.Module):
    """Learned gain and inverse gain for each channel at `levels` rates, interpolated in between.

    `at(level)` with level in [0, levels - 1] gives (gain, inverse), each (1, C, 1, 1) and positive:
    exp of the linear interpolation of the logarithms. At the start the gain is the same for all channels and
    grows from `low` to `high` in even ratios.

    Source: Cui, Wang, Bai et al. 2021, "Asymmetric Gained Deep Image Compression With Continuous Rate Adaptation",
    arXiv:2003.02012.
    """

    def __init__(self, channels: int, levels: int = 8, low: float = 1.0, high: float = 10.0):
        super().__init__()
        start = torch.linspace(torch.tensor(low).log().item(), torch.tensor(high).log().item(), levels)
        self.levels = int(levels)
        self.log_gain = nn.Parameter(start[:, None].repeat(1, channels))
        self.log_inverse = nn.Parameter(-start[:, None].repeat(1, channels))

    def at(self, level: float) -> tuple[Tensor, Tensor]:
        level = min(max(float(level), 0.0), self.levels - 1.0)
        low = min(int(level), self.levels - 2) if self.levels > 1 else 0
        high = min(low + 1, self.levels - 1)

        def between(table: Tensor) -> Tensor:
            return torch.lerp(table[low], table[high], level - low).exp()[None, :, None, None]

        return between(self.log_gain), between(self.log_inverse)


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
