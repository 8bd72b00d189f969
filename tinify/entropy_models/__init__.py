# SPDX-License-Identifier: Apache-2.0
"""Integers to probabilities: likelihoods for training, integer tables for coding."""

from tinify.entropy_models.base import EntropyModel
from tinify.entropy_models.entropy_bottleneck import EntropyBottleneck
from tinify.entropy_models.gaussian_conditional import GaussianConditional, get_scale_table

__all__ = ["EntropyBottleneck", "EntropyModel", "GaussianConditional", "get_scale_table"]
