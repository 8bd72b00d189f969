# SPDX-License-Identifier: Apache-2.0
"""Ballé's and Minnen's codecs: factorized prior, scale hyperprior, mean and scale hyperprior.

Parameter names are CompressAI's, so its checkpoints load. The latent codec is wired on access from the networks that
the model holds, which keeps those names flat.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tinify.entropy_coder import get_entropy_coder
from tinify.entropy_models import EntropyBottleneck, GaussianConditional
from tinify.latent_codecs import (
    EntropyBottleneckLatentCodec,
    Gain,
    GaussianConditionalLatentCodec,
    HyperLatentCodec,
    HyperpriorLatentCodec,
    LatentCodec,
)
from tinify.latent_codecs.raster_scan import RasterScanLatentCodec
from tinify.layers import GDN, MaskedConv2d, conv, deconv
from tinify.models.image.base import HyperpriorCodec, ImageCodec


def _analysis(N: int, M: int) -> nn.Sequential:
    return nn.Sequential(conv(3, N), GDN(N), conv(N, N), GDN(N), conv(N, N), GDN(N), conv(N, M))


def _synthesis(N: int, M: int) -> nn.Sequential:
    return nn.Sequential(
        deconv(M, N), GDN(N, inverse=True), deconv(N, N), GDN(N, inverse=True), deconv(N, N), GDN(N, inverse=True),
        deconv(N, 3),
    )  # fmt: skip


class FactorizedPrior(ImageCodec):
    """`bmshj2018-factorized`: GDN transforms and one learned distribution a channel.

    N channels inside, M in the latent; `gain_levels` > 0 adds a gain, so that one checkpoint has every rate.
    Source: Ballé, Minnen, Singh, Hwang, Johnston 2018, arXiv:1802.01436.
    """

    def __init__(self, N: int, M: int, gain_levels: int = 0):
        super().__init__()
        self.N, self.M = int(N), int(M)
        self.g_a, self.g_s = _analysis(N, M), _synthesis(N, M)
        self.entropy_bottleneck = EntropyBottleneck(self.bottleneck_channels)
        self.gain = Gain(M, gain_levels) if gain_levels else None

    @property
    def bottleneck_channels(self) -> int:
        return self.M

    @property
    def downsampling_factor(self) -> int:
        return 2**4

    @property
    def latent_codec(self) -> LatentCodec:
        return EntropyBottleneckLatentCodec(self.entropy_bottleneck)

    @classmethod
    def from_state_dict(cls, state_dict: dict[str, Tensor]) -> FactorizedPrior:
        """A codec of the size that the checkpoint has, with its weights."""
        levels = state_dict["gain.log_gain"].shape[0] if "gain.log_gain" in state_dict else 0
        model = cls(state_dict["g_a.0.weight"].size(0), state_dict["g_a.6.weight"].size(0), levels)
        model.load_state_dict(state_dict)
        return model


class FactorizedPriorReLU(FactorizedPrior):
    """`bmshj2018-factorized-relu`: rectifiers in place of GDN, which small devices compute faster.

    Source: Ballé et al. 2018, arXiv:1802.01436.
    """

    def __init__(self, N: int, M: int, gain_levels: int = 0):
        super().__init__(N, M, gain_levels)
        for transform in (self.g_a, self.g_s):
            for number in (1, 3, 5):
                transform[number] = nn.ReLU()


class _Absolute(nn.Module):
    def forward(self, y: Tensor) -> Tensor:
        return torch.abs(y)


class ScaleHyperprior(HyperpriorCodec, FactorizedPrior):
    """`bmshj2018-hyperprior`: the scales of zero-mean Gaussians come from side information.

    Source: Ballé et al. 2018, arXiv:1802.01436.
    """

    def __init__(self, N: int, M: int, gain_levels: int = 0):
        super().__init__(N, M, gain_levels)
        self.h_a = nn.Sequential(conv(M, N, 3, 1), nn.ReLU(), conv(N, N), nn.ReLU(), conv(N, N))
        self.h_s = nn.Sequential(deconv(N, N), nn.ReLU(), deconv(N, N), nn.ReLU(), conv(N, M, 3, 1), nn.ReLU())
        self.gaussian_conditional = GaussianConditional(None)

    @property
    def bottleneck_channels(self) -> int:
        return self.N

    @property
    def latent_codec(self) -> LatentCodec:
        return self._hyperprior(nn.Sequential(_Absolute(), self.h_a), ("scales",))

    def _hyperprior(self, h_a: nn.Module, chunks: tuple[str, ...]) -> HyperpriorLatentCodec:
        return self._beside_z(h_a, self._gaussian(chunks))

    def _gaussian(self, chunks: tuple[str, ...]) -> LatentCodec:
        return GaussianConditionalLatentCodec(gaussian_conditional=self.gaussian_conditional, chunks=chunks)

    def _beside_z(self, h_a: nn.Module, y: LatentCodec) -> HyperpriorLatentCodec:
        # CompressAI's streams are made, and can only be read, with its single precision.
        precision = "single" if get_entropy_coder() == "rans64" else "double"
        hyper = HyperLatentCodec(self.entropy_bottleneck, h_a, self.h_s, precision=precision)
        return HyperpriorLatentCodec({"y": y, "hyper": hyper})


class MeanScaleHyperprior(ScaleHyperprior):
    """`mbt2018-mean`: side information gives the scales and the means.

    Source: Minnen, Ballé, Toderici 2018, arXiv:1809.02736.
    """

    def __init__(self, N: int, M: int, gain_levels: int = 0):
        super().__init__(N, M, gain_levels)
        middle = M * 3 // 2
        self.h_a = nn.Sequential(conv(M, N, 3, 1), nn.LeakyReLU(), conv(N, N), nn.LeakyReLU(), conv(N, N))
        self.h_s = nn.Sequential(
            deconv(N, M), nn.LeakyReLU(), deconv(M, middle), nn.LeakyReLU(), conv(middle, M * 2, 3, 1)
        )

    @property
    def latent_codec(self) -> LatentCodec:
        return self._hyperprior(self.h_a, ("scales", "means"))


def entropy_parameters(channels: int, parts: int = 2) -> nn.Sequential:
    """Pointwise: 4 M channels of side information and context -> M of each part: scales, means."""
    widths = [channels * k // 3 for k in (12, 10, 8, 3 * parts)]
    return nn.Sequential(
        nn.Conv2d(widths[0], widths[1], 1), nn.LeakyReLU(), nn.Conv2d(widths[1], widths[2], 1), nn.LeakyReLU(),
        nn.Conv2d(widths[2], widths[3], 1),
    )  # fmt: skip


class JointAutoregressiveHierarchicalPriors(MeanScaleHyperprior):
    """`mbt2018`: scales and means come from side information and from the places decoded before.

    Source: Minnen, Ballé, Toderici 2018, arXiv:1809.02736.
    """

    def __init__(self, N: int = 192, M: int = 192, gain_levels: int = 0):
        super().__init__(N, M, gain_levels)
        self.entropy_parameters = entropy_parameters(M)
        self.context_prediction = MaskedConv2d(M, 2 * M, kernel_size=5, padding=2, stride=1)

    @property
    def latent_codec(self) -> LatentCodec:
        y = {"y": self._gaussian(("scales", "means"))}
        return self._beside_z(self.h_a, RasterScanLatentCodec(y, self.entropy_parameters, self.context_prediction))
