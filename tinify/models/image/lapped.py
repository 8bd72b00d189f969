# SPDX-License-Identifier: Apache-2.0
"""A learned codec that begins as a classical one: a lapped transform, and networks that learn what it lacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from torch import Tensor, nn

from tinify.entropy_models import EntropyBottleneck
from tinify.latent_codecs import Gain, GaussianConditionalLatentCodec, HyperLatentCodec, HyperpriorLatentCodec
from tinify.latent_codecs.channel_groups import ChannelGroupsLatentCodec
from tinify.latent_codecs.checkerboard import CheckerboardLatentCodec
from tinify.layers import CheckerboardMaskedConv2d, conv, conv1x1, deconv
from tinify.models.image.base import HyperpriorCodec
from tinify.transforms.lapped import LappedAnalysis, LappedSynthesis

_GAINS = 1.5, 15.0  # quantization steps that suit orthonormal coefficients at lambda 0.0009 and 0.0932


class LappedHyperprior(HyperpriorCodec):
    """`lapped-hyperprior`: every rate from one checkpoint, on transforms that are good from the first step on.

        x ─► g_a ─► y ─► gain ─► [groups of frequencies, low to high, each in two steps] ─► 1 / gain ─► g_s ─► x_hat
                             └─► h_a ─► z ─► h_s ─► what all groups are told ──┘

    `counts`: how many frequencies of brightness and of the two colour differences y has; `groups` of them add up to
    all. `width`, `analysis_blocks` and `synthesis_blocks` are the networks' beside the lapped transform; N channels in
    z, which is at a 32nd of the picture's size.
    Source: transform after Malvar, Staelin 1989; gains after Cui et al. 2021, arXiv:2003.02012; groups and two steps
    after He et al. 2022 (ELIC), arXiv:2203.10886; hyperprior after Minnen et al. 2018, arXiv:1809.02736.
    """

    def __init__(
        self,
        N: int = 64,
        counts: Sequence[int] = (64, 32, 32),
        groups: Sequence[int] = (16, 32, 80),
        width: int = 128,
        analysis_blocks: int = 2,
        synthesis_blocks: int = 4,
        gain_levels: int = 8,
    ):
        super().__init__()
        counts, self.N, self.M = tuple(counts), int(N), sum(counts)
        self.g_a = LappedAnalysis(counts, width, analysis_blocks, gain_levels)
        self.g_s = LappedSynthesis(counts, width, synthesis_blocks, gain_levels)
        self.gain = Gain(self.M, gain_levels, *_GAINS)
        h_a = nn.Sequential(conv(self.M, 2 * N, 3, 1), nn.ReLU(), conv(2 * N, N), nn.ReLU(), conv(N, N))
        h_s = nn.Sequential(deconv(N, N), nn.ReLU(), deconv(N, 2 * N), nn.ReLU(), conv(2 * N, self.M, 3, 1))
        numbers = range(len(groups))
        y = ChannelGroupsLatentCodec(
            groups,
            {f"y{k}": self._group(groups, k) for k in numbers},
            {f"y{k}": self._channel_context(groups, k) for k in numbers[1:]},
        )
        hyper = HyperLatentCodec(EntropyBottleneck(N), h_a, h_s, quantizer="ste")
        self.latent_codec = HyperpriorLatentCodec({"y": y, "hyper": hyper})

    def _group(self, groups: Sequence[int], k: int) -> CheckerboardLatentCodec:
        channels = groups[k]
        inside = self.M + channels * 2 * (2 if k else 1)
        middle = (inside + 2 * channels) // 2
        last = conv1x1(middle, 2 * channels)
        nn.init.ones_(last.bias[:channels].data)  # scales; those at their bound learn nothing
        return CheckerboardLatentCodec(
            latent_codec={"y": GaussianConditionalLatentCodec(quantizer="ste")},
            entropy_parameters=nn.Sequential(conv1x1(inside, middle), nn.ReLU(), last),
            context_prediction=CheckerboardMaskedConv2d(channels, 2 * channels, kernel_size=5, stride=1, padding=2),
        )

    def _channel_context(self, groups: Sequence[int], k: int) -> nn.Sequential:
        before, out = sum(groups[:k]), 2 * groups[k]
        return nn.Sequential(conv(before, 64, 3, 1), nn.ReLU(), conv(64, out, 3, 1))

    @property
    def downsampling_factor(self) -> int:
        return 2**5

    def analysis_at(self, level: float | None) -> Callable[[Tensor], Tensor]:
        return partial(self.g_a, level=level)

    def synthesis_at(self, level: float | None) -> Callable[[Tensor], Tensor]:
        return partial(self.g_s, level=level)
