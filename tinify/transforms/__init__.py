# SPDX-License-Identifier: Apache-2.0
"""Analysis and synthesis pairs."""

from tinify.transforms.block_basis import BlockAnalysis, BlockSynthesis
from tinify.transforms.block_dct import BlockDctAnalysis, BlockDctSynthesis, zigzag
from tinify.transforms.colour import YCBCR_STEPS, RctAnalysis, RctSynthesis, YcbcrAnalysis, YcbcrSynthesis
from tinify.transforms.dst7 import Dst7Analysis, Dst7Synthesis, dst7_basis
from tinify.transforms.identity import IdentityAnalysis, IdentitySynthesis
from tinify.transforms.lifting import LiftingAnalysis, LiftingSynthesis, Subband, subband_norms, subbands
from tinify.transforms.mdct import MdctAnalysis, MdctSynthesis, mdct_window
from tinify.transforms.patch import PatchAnalysis, PatchSynthesis, dct_basis
from tinify.transforms.patch_cnn import PatchCnnAnalysis, PatchCnnSynthesis
from tinify.transforms.patch_mlp import PatchMlpAnalysis, PatchMlpSynthesis
from tinify.transforms.subsample import SubsampleAnalysis, SubsampleSynthesis

__all__ = [
    "YCBCR_STEPS",
    "BlockAnalysis",
    "BlockDctAnalysis",
    "BlockDctSynthesis",
    "BlockSynthesis",
    "Dst7Analysis",
    "Dst7Synthesis",
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
    "RctAnalysis",
    "RctSynthesis",
    "Subband",
    "SubsampleAnalysis",
    "SubsampleSynthesis",
    "YcbcrAnalysis",
    "YcbcrSynthesis",
    "dct_basis",
    "dst7_basis",
    "mdct_window",
    "subband_norms",
    "subbands",
    "zigzag",
]
