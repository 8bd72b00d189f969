# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from tinify.errors import ConfigError
from tinify.losses import LAMBDAS, RateDistortionLoss


def _output(error=0.1):
    target = torch.full((2, 3, 4, 5), 0.5)
    likelihoods = {"y": torch.full((2, 8, 2, 2), 0.5), "z": torch.full((2, 4, 1, 1), 0.25)}
    return {"x_hat": target + error, "likelihoods": likelihoods}, target


def test_the_rate_is_the_information_of_all_latents_over_the_number_of_pixels():
    out = RateDistortionLoss()(*_output())
    assert out["bpp_loss"].item() == pytest.approx((64 * 1 + 8 * 2) / 40)


def test_the_loss_weighs_the_squared_error_on_the_scale_of_eight_bits():
    out = RateDistortionLoss(lmbda=0.02)(*_output(0.1))
    assert out["mse_loss"].item() == pytest.approx(0.01, rel=1e-5)
    assert out["loss"].item() == pytest.approx(0.02 * 255**2 * 0.01 + 2.0, rel=1e-5)


def test_one_entry_can_be_asked_for():
    output, target = _output()
    assert RateDistortionLoss(return_type="loss")(output, target) == RateDistortionLoss()(output, target)["loss"]


def test_gradients_reach_picture_and_likelihoods():
    output, target = _output()
    for tensor in (output["x_hat"], *output["likelihoods"].values()):
        tensor.requires_grad_()
    RateDistortionLoss()(output, target)["loss"].backward()
    assert all(t.grad.any() for t in (output["x_hat"], *output["likelihoods"].values()))


def test_structural_similarity_is_a_metric_too():
    torch.manual_seed(0)
    target = torch.rand(1, 3, 176, 176)
    output = {"x_hat": target.clone(), "likelihoods": {"y": torch.ones(1, 1, 1, 1)}}
    same = RateDistortionLoss(lmbda=1.0, metric="ms-ssim")(output, target)
    assert same["ms_ssim_loss"].item() == pytest.approx(1, abs=1e-5) and same["loss"].item() == pytest.approx(
        0, abs=1e-5
    )
    output["x_hat"] = target + 0.2 * torch.randn_like(target)
    assert RateDistortionLoss(lmbda=1.0, metric="ms-ssim")(output, target)["loss"] > 0.01


def test_an_unknown_metric_is_refused():
    with pytest.raises(ConfigError, match="psnr"):
        RateDistortionLoss(metric="psnr")


@pytest.mark.parametrize(
    ("quality", "metric", "lmbda"),
    [(1, "mse", 0.0018), (3, "mse", 0.0067), (8, "mse", 0.18), (1, "ms-ssim", 2.4), (5, "ms-ssim", 31.73),
     (8, "ms-ssim", 220)],
)  # fmt: skip
def test_a_published_quality_names_its_weight(quality, metric, lmbda):
    loss = RateDistortionLoss.of_quality(quality, metric=metric, return_type="loss")
    assert (loss.lmbda, loss.metric, loss.return_type) == (lmbda, metric, "loss")


def test_every_metric_has_eight_weights_that_rise():
    assert {name: len(weights) for name, weights in LAMBDAS.items()} == {"mse": 8, "ms-ssim": 8}
    assert all(list(weights) == sorted(set(weights)) for weights in LAMBDAS.values())


@pytest.mark.parametrize("quality", [0, 9, -1, 1.5, None])
def test_a_quality_that_is_not_published_is_refused(quality):
    with pytest.raises(ConfigError, match="allowed: 1 to 8"):
        RateDistortionLoss.of_quality(quality)


def test_a_quality_of_an_unknown_metric_is_refused():
    with pytest.raises(ConfigError, match="psnr"):
        RateDistortionLoss.of_quality(3, metric="psnr")
