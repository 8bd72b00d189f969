# SPDX-License-Identifier: Apache-2.0
"""Latent codecs: quantizer, entropy model and coder wired for one latent. They nest."""

from tinify.latent_codecs.base import LatentCodec, LatentForward, LatentStrings, LatentValues, only_stream
from tinify.latent_codecs.channel_groups import ChannelGroupsLatentCodec
from tinify.latent_codecs.checkerboard import CheckerboardLatentCodec
from tinify.latent_codecs.entropy_bottleneck import EntropyBottleneckLatentCodec
from tinify.latent_codecs.gain import Gain, GainLatentCodec
from tinify.latent_codecs.gain_hyper import GainHyperLatentCodec, GainHyperpriorLatentCodec
from tinify.latent_codecs.gained_gaussian import GainedGaussianLatentCodec
from tinify.latent_codecs.gaussian_conditional import GaussianConditionalLatentCodec
from tinify.latent_codecs.gaussian_mixture import GaussianMixtureLatentCodec
from tinify.latent_codecs.hyper import HyperLatentCodec
from tinify.latent_codecs.hyperprior import HyperpriorLatentCodec
from tinify.latent_codecs.raster_scan import RasterScanLatentCodec

__all__ = [
    "ChannelGroupsLatentCodec",
    "CheckerboardLatentCodec",
    "EntropyBottleneckLatentCodec",
    "Gain",
    "GainHyperLatentCodec",
    "GainHyperpriorLatentCodec",
    "GainLatentCodec",
    "GainedGaussianLatentCodec",
    "GaussianConditionalLatentCodec",
    "GaussianMixtureLatentCodec",
    "HyperLatentCodec",
    "HyperpriorLatentCodec",
    "LatentCodec",
    "LatentForward",
    "LatentStrings",
    "LatentValues",
    "RasterScanLatentCodec",
    "only_stream",
]
