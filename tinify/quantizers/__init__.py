# SPDX-License-Identifier: Apache-2.0
"""Real values to integers and back."""

from tinify.quantizers.base import Quantized, Quantizer
from tinify.quantizers.fsq import FiniteScalarQuantizer
from tinify.quantizers.lfq import LookupFreeQuantizer
from tinify.quantizers.rvq import ResidualQuantizer
from tinify.quantizers.scalar import ScalarStage, ScalarTokens
from tinify.quantizers.uniform import Uniform, UniformNoise, UniformSTE
from tinify.quantizers.vq import VectorQuantizer, k_means

__all__ = [
    "FiniteScalarQuantizer",
    "LookupFreeQuantizer",
    "Quantized",
    "Quantizer",
    "ResidualQuantizer",
    "ScalarStage",
    "ScalarTokens",
    "Uniform",
    "UniformNoise",
    "UniformSTE",
    "VectorQuantizer",
    "k_means",
]
