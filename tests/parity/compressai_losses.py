# SPDX-License-Identifier: Apache-2.0
"""CompressAI's rate-distortion loss on a random picture: what `compressai_side.py make` writes of it."""

import torch
from compressai.losses import RateDistortionLoss


@torch.enable_grad()
def loss_cases():
    target = torch.rand(2, 3, 176, 192)
    x_hat = (target + 0.1 * torch.randn_like(target)).clamp(0, 1)
    likelihoods = {"y": torch.rand(2, 5, 11, 12), "z": torch.rand(2, 4, 3, 3)}
    cases = []
    for metric, lmbda in (("mse", 0.0067), ("ms-ssim", 8.73)):
        leaf = x_hat.clone().requires_grad_()
        out = RateDistortionLoss(lmbda, metric)({"x_hat": leaf, "likelihoods": likelihoods}, target)
        out["loss"].backward()
        cases.append({
            "metric": metric, "lmbda": lmbda, "target": target, "x_hat": x_hat, "likelihoods": likelihoods,
            "out": {key: value.detach() for key, value in out.items()}, "grad": leaf.grad,
        })  # fmt: skip
    return cases
