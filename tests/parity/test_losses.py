# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from tinify.losses import RateDistortionLoss

pytestmark = pytest.mark.parity


@pytest.mark.parametrize("number", range(2), ids=["mse", "ms-ssim"])
def test_the_rate_distortion_loss_has_the_same_parts_values_and_gradient(theirs, number):
    case = theirs["losses"][number]
    x_hat = case["x_hat"].clone().requires_grad_()
    loss = RateDistortionLoss.of_quality(3, case["metric"])
    assert loss.lmbda == case["lmbda"]
    out = loss({"x_hat": x_hat, "likelihoods": case["likelihoods"]}, case["target"])
    assert set(out) == set(case["out"])
    for key, value in case["out"].items():
        torch.testing.assert_close(out[key].detach(), value, rtol=1e-5, atol=1e-6)
    out["loss"].backward()
    torch.testing.assert_close(x_hat.grad, case["grad"], rtol=1e-3, atol=1e-8)
