# SPDX-License-Identifier: Apache-2.0
"""Whole codecs, a folder for each modality."""

from tinify.models.image import FactorizedPrior, MeanScaleHyperprior, ScaleHyperprior

__all__ = ["FactorizedPrior", "MeanScaleHyperprior", "ScaleHyperprior"]
