# SPDX-License-Identifier: Apache-2.0
"""Integers to probabilities: likelihoods for training, integer tables for coding."""

from tinify.entropy_models.base import EntropyModel
from tinify.entropy_models.causal_conv import CausalConvPrior
from tinify.entropy_models.entropy_bottleneck import EntropyBottleneck
from tinify.entropy_models.entropy_bottleneck_vbr import EntropyBottleneckVbr
from tinify.entropy_models.gaussian_conditional import GaussianConditional, get_scale_table
from tinify.entropy_models.gaussian_mixture import GaussianMixtureConditional
from tinify.entropy_models.gru import GruPrior
from tinify.entropy_models.histogram import HistogramPrior
from tinify.entropy_models.learned_prior import LearnedPrior
from tinify.entropy_models.markov import Markov1Prior
from tinify.entropy_models.token_prior import TokenPrior
from tinify.entropy_models.transformer import TransformerPrior

__all__ = [
    "CausalConvPrior",
    "EntropyBottleneck",
    "EntropyBottleneckVbr",
    "EntropyModel",
    "GaussianConditional",
    "GaussianMixtureConditional",
    "GruPrior",
    "HistogramPrior",
    "LearnedPrior",
    "Markov1Prior",
    "TokenPrior",
    "TransformerPrior",
    "get_scale_table",
]
