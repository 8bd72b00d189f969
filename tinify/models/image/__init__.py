# SPDX-License-Identifier: Apache-2.0
"""Image codecs."""

from tinify.models.image.google import FactorizedPrior, MeanScaleHyperprior, ScaleHyperprior

__all__ = ["FactorizedPrior", "MeanScaleHyperprior", "ScaleHyperprior"]
