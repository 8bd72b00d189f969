# SPDX-License-Identifier: Apache-2.0
"""Analysis and synthesis pairs."""

from tinify.transforms.block_dct import BlockDctAnalysis, BlockDctSynthesis
from tinify.transforms.identity import IdentityAnalysis, IdentitySynthesis
from tinify.transforms.lifting import LiftingAnalysis, LiftingSynthesis, Subband, subband_norms, subbands
from tinify.transforms.mdct import MdctAnalysis, MdctSynthesis, mdct_window
from tinify.transforms.patch import PatchAnalysis, PatchSynthesis, dct_basis
from tinify.transforms.patch_cnn import PatchCnnAnalysis, PatchCnnSynthesis
from tinify.transforms.patch_mlp import PatchMlpAnalysis, PatchMlpSynthesis

__all__ = [
    "BlockDctAnalysis",
    "BlockDctSynthesis",
    "IdentityAnalysis",
    "IdentitySynthesis",
    "LiftingAnalysis",
    "LiftingSynthesis",
    "MdctAnalysis",
    "MdctSynthesis",
    "PatchAnalysis",
    "PatchCnnAnalysis",
    "PatchCnnSynthesis",
    "PatchMlpAnalysis",
    "PatchMlpSynthesis",
    "PatchSynthesis",
    "Subband",
    "dct_basis",
    "mdct_window",
    "subband_norms",
    "subbands",
]
