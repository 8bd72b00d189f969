# SPDX-License-Identifier: Apache-2.0
"""Analysis and synthesis pairs."""

from tinify.transforms.patch import PatchAnalysis, PatchSynthesis, dct_basis

__all__ = ["PatchAnalysis", "PatchSynthesis", "dct_basis"]
