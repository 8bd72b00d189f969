# SPDX-License-Identifier: Apache-2.0
"""Latent codecs: quantizer, entropy model and coder wired for one latent. They nest."""

from tinify.latent_codecs.base import LatentCodec
from tinify.latent_codecs.entropy_bottleneck import EntropyBottleneckLatentCodec
from tinify.latent_codecs.gain import Gain, GainLatentCodec
from tinify.latent_codecs.gaussian_conditional import GaussianConditionalLatentCodec
from tinify.latent_codecs.hyper import HyperLatentCodec
from tinify.latent_codecs.hyperprior import HyperpriorLatentCodec

__all__ = [
    "EntropyBottleneckLatentCodec",
    "Gain",
    "GainLatentCodec",
    "GaussianConditionalLatentCodec",
    "HyperLatentCodec",
    "HyperpriorLatentCodec",
    "LatentCodec",
]
