# SPDX-License-Identifier: Apache-2.0
"""Training objectives."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from tinify.errors import ConfigError

# The weights of quality 1, 2, ... 8 with which CompressAI's published checkpoints were trained. For MS-SSIM it began
# from the weights for MSE. Source: Bégaint et al. 2020, arXiv:2011.03029.
LAMBDAS = {
    "mse": (0.0018, 0.0035, 0.0067, 0.0130, 0.0250, 0.0483, 0.0932, 0.1800),
    "ms-ssim": (2.40, 4.58, 8.73, 16.64, 31.73, 60.50, 115.37, 220.00),
}


class RateDistortionLoss(nn.Module):
    """`lmbda * distortion + bits per pixel`.

        RateDistortionLoss.of_quality(3, metric="mse")  # lmbda 0.0067

    metric "mse": distortion = 255^2 * mean squared error of pictures in [0, 1]; "ms-ssim": 1 - MS-SSIM.
    output: a mapping with x_hat (B, C, H, W) and likelihoods; target (B, C, H, W). Returns `loss`, `bpp_loss` and
    `mse_loss` or `ms_ssim_loss`, or only the entry that `return_type` names. A pixel is one of the B*H*W positions.
    """

    def __init__(self, lmbda: float = 0.01, metric: str = "mse", return_type: str = "all"):
        super().__init__()
        if metric not in ("mse", "ms-ssim"):
            raise ConfigError(f'metric is {metric!r}; allowed: "mse", "ms-ssim"')
        self.lmbda, self.metric, self.return_type = lmbda, metric, return_type

    @classmethod
    def of_quality(cls, quality: int, metric: str = "mse", return_type: str = "all") -> RateDistortionLoss:
        """With the weight of a published quality, 1 (smallest files) to 8."""
        weights = LAMBDAS.get(metric, LAMBDAS["mse"])
        if quality not in range(1, len(weights) + 1):
            raise ConfigError(f"quality is {quality!r}; allowed: 1 to {len(weights)}")
        return cls(weights[int(quality) - 1], metric, return_type)

    def forward(self, output: Mapping, target: Tensor):
        batch, _, height, width = target.shape
        bits = sum(torch.log(p).sum() for p in output["likelihoods"].values()) / -math.log(2)
        out = {"bpp_loss": bits / (batch * height * width)}
        if self.metric == "mse":
            out["mse_loss"] = nn.functional.mse_loss(output["x_hat"], target)
            distortion = 255**2 * out["mse_loss"]
        else:
            from tinify.metrics.ms_ssim import ms_ssim

            out["ms_ssim_loss"] = ms_ssim(output["x_hat"], target)
            distortion = 1 - out["ms_ssim_loss"]
        out["loss"] = self.lmbda * distortion + out["bpp_loss"]
        return out if self.return_type == "all" else out[self.return_type]
