# SPDX-License-Identifier: Apache-2.0
"""Image codecs."""

from tinify.models.image.base import ImageCodec
from tinify.models.image.elic import Elic2022Chandelier, Elic2022Official
from tinify.models.image.files import ImageFiles
from tinify.models.image.google import (
    FactorizedPrior,
    FactorizedPriorReLU,
    JointAutoregressiveHierarchicalPriors,
    MeanScaleHyperprior,
    ScaleHyperprior,
)
from tinify.models.image.lapped import LappedHyperprior
from tinify.models.image.vbr import (
    JointAutoregressiveHierarchicalPriorsVbr,
    MeanScaleHyperpriorVbr,
    ScaleHyperpriorVbr,
)
from tinify.models.image.waseda import Cheng2020Anchor, Cheng2020AnchorCheckerboard, Cheng2020Attention, Cheng2020GMM

__all__ = [
    "Cheng2020Anchor",
    "Cheng2020AnchorCheckerboard",
    "Cheng2020Attention",
    "Cheng2020GMM",
    "Elic2022Chandelier",
    "Elic2022Official",
    "FactorizedPrior",
    "FactorizedPriorReLU",
    "ImageCodec",
    "ImageFiles",
    "JointAutoregressiveHierarchicalPriors",
    "JointAutoregressiveHierarchicalPriorsVbr",
    "LappedHyperprior",
    "MeanScaleHyperprior",
    "MeanScaleHyperpriorVbr",
    "ScaleHyperprior",
    "ScaleHyperpriorVbr",
]
