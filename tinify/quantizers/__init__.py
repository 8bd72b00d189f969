# SPDX-License-Identifier: Apache-2.0
"""Real values to integers and back."""

from tinify.quantizers.base import Quantized, Quantizer
from tinify.quantizers.deadzone import DeadZone
from tinify.quantizers.fsq import FiniteScalarQuantizer
from tinify.quantizers.lfq import LookupFreeQuantizer
from tinify.quantizers.matrix import ANNEX_K, TABLES, Matrix
from tinify.quantizers.rdoq import Rdoq
from tinify.quantizers.rvq import ResidualQuantizer
from tinify.quantizers.scalar import ScalarStage, ScalarTokens
from tinify.quantizers.search import nearest
from tinify.quantizers.table_bits import TableBits
from tinify.quantizers.uniform import Uniform, UniformNoise, UniformSTE
from tinify.quantizers.vq import VectorQuantizer, k_means

__all__ = [
    "ANNEX_K",
    "TABLES",
    "DeadZone",
    "FiniteScalarQuantizer",
    "LookupFreeQuantizer",
    "Matrix",
    "Quantized",
    "Quantizer",
    "Rdoq",
    "ResidualQuantizer",
    "ScalarStage",
    "ScalarTokens",
    "TableBits",
    "Uniform",
    "UniformNoise",
    "UniformSTE",
    "VectorQuantizer",
    "k_means",
    "nearest",
]
