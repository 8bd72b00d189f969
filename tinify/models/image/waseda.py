# SPDX-License-Identifier: Apache-2.0
"""Cheng's codecs: residual blocks, sub-pixel convolutions, attention; causal or checkerboard context.

Parameter names are CompressAI's, so its checkpoints load.
"""

from __future__ import annotations

from torch import Tensor, nn

from tinify.entropy_models import EntropyBottleneck, GaussianMixtureConditional
from tinify.latent_codecs import GaussianConditionalLatentCodec, HyperLatentCodec, HyperpriorLatentCodec, LatentCodec
from tinify.latent_codecs.checkerboard import CheckerboardLatentCodec
from tinify.latent_codecs.gaussian_mixture import GaussianMixtureLatentCodec
from tinify.layers import (
    AttentionBlock,
    CheckerboardMaskedConv2d,
    ResidualBlock,
    ResidualBlockUpsample,
    ResidualBlockWithStride,
    conv3x3,
    subpel_conv3x3,
)
from tinify.models.image.base import HyperpriorCodec
from tinify.models.image.google import JointAutoregressiveHierarchicalPriors, entropy_parameters


def _analysis(N: int, attention: bool = False) -> nn.Sequential:
    layers = [ResidualBlockWithStride(3, N, stride=2), ResidualBlock(N, N), ResidualBlockWithStride(N, N, stride=2),
              *[AttentionBlock(N)] * attention, ResidualBlock(N, N), ResidualBlockWithStride(N, N, stride=2),
              ResidualBlock(N, N), conv3x3(N, N, stride=2)]  # fmt: skip
    return nn.Sequential(*layers, *([AttentionBlock(N)] if attention else []))


def _synthesis(N: int, attention: bool = False) -> nn.Sequential:
    layers = [ResidualBlock(N, N), ResidualBlockUpsample(N, N, 2), ResidualBlock(N, N), ResidualBlockUpsample(N, N, 2),
              *[AttentionBlock(N)] * attention, ResidualBlock(N, N), ResidualBlockUpsample(N, N, 2),
              ResidualBlock(N, N), subpel_conv3x3(N, 3, 2)]  # fmt: skip
    return nn.Sequential(*([AttentionBlock(N)] if attention else []), *layers)


def _hyper_analysis(N: int) -> nn.Sequential:
    return nn.Sequential(
        conv3x3(N, N), nn.LeakyReLU(), conv3x3(N, N), nn.LeakyReLU(), conv3x3(N, N, stride=2), nn.LeakyReLU(),
        conv3x3(N, N), nn.LeakyReLU(), conv3x3(N, N, stride=2),
    )  # fmt: skip


def _hyper_synthesis(N: int) -> nn.Sequential:
    middle = N * 3 // 2
    return nn.Sequential(
        conv3x3(N, N), nn.LeakyReLU(), subpel_conv3x3(N, N, 2), nn.LeakyReLU(), conv3x3(N, middle), nn.LeakyReLU(),
        subpel_conv3x3(middle, middle, 2), nn.LeakyReLU(), conv3x3(middle, N * 2),
    )  # fmt: skip


class Cheng2020Anchor(JointAutoregressiveHierarchicalPriors):
    """`cheng2020-anchor`: residual blocks with small convolutions in place of GDN, a causal context, single Gaussians.

    Source: Cheng, Sun, Takeuchi, Katto 2020, arXiv:2001.01568.
    """

    def __init__(self, N: int = 192, gain_levels: int = 0, attention: bool = False):
        super().__init__(N, N, gain_levels)
        self.g_a, self.g_s = _analysis(N, attention), _synthesis(N, attention)
        self.h_a, self.h_s = _hyper_analysis(N), _hyper_synthesis(N)

    @classmethod
    def from_state_dict(cls, state_dict: dict[str, Tensor]) -> Cheng2020Anchor:
        """A codec of the size that the checkpoint has, with its weights."""
        model = cls(state_dict["g_a.0.conv1.weight"].size(0))
        model.load_state_dict(state_dict)
        return model


class Cheng2020Attention(Cheng2020Anchor):
    """`cheng2020-attn`: with attention in the transforms.

    Source: Cheng, Sun, Takeuchi, Katto 2020, arXiv:2001.01568.
    """

    def __init__(self, N: int = 192, gain_levels: int = 0):
        super().__init__(N, gain_levels, attention=True)


class Cheng2020GMM(Cheng2020Attention):
    """`cheng2020-gmm`: three Gaussians for each element, as the paper has it; scales, means and weights of all three
    come from side information and from the places decoded before.

    Source: Cheng, Sun, Takeuchi, Katto 2020, arXiv:2001.01568; attention without its non-local part.
    """

    def __init__(self, N: int = 192, gain_levels: int = 0):
        super().__init__(N, gain_levels)
        self.gaussian_conditional = GaussianMixtureConditional(K=3)
        self.entropy_parameters = entropy_parameters(N, parts=9)

    def _gaussian(self, chunks: tuple[str, ...]) -> LatentCodec:
        return GaussianMixtureLatentCodec(self.gaussian_conditional)


class Cheng2020AnchorCheckerboard(HyperpriorCodec):
    """`cheng2020-anchor-checkerboard`: the transforms of `cheng2020-anchor`, coded in two steps.

    Source: Cheng et al. 2020, arXiv:2001.01568; He, Zheng, Sun et al. 2021, arXiv:2103.15306.
    """

    gain = None

    def __init__(self, N: int = 192):
        super().__init__()
        self.N = int(N)
        self.g_a, self.g_s = _analysis(N), _synthesis(N)
        y = CheckerboardLatentCodec(
            latent_codec={"y": GaussianConditionalLatentCodec(quantizer="ste")},
            entropy_parameters=entropy_parameters(N),
            context_prediction=CheckerboardMaskedConv2d(N, 2 * N, kernel_size=5, stride=1, padding=2),
        )
        hyper = HyperLatentCodec(EntropyBottleneck(N), _hyper_analysis(N), _hyper_synthesis(N), quantizer="ste")
        self.latent_codec = HyperpriorLatentCodec({"y": y, "hyper": hyper})

    @classmethod
    def from_state_dict(cls, state_dict: dict[str, Tensor]) -> Cheng2020AnchorCheckerboard:
        """A codec of the size that the checkpoint has, with its weights."""
        model = cls(state_dict["g_a.0.conv1.weight"].size(0))
        model.load_state_dict(state_dict)
        return model
