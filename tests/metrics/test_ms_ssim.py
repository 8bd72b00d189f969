# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from tinify.errors import InputError
from tinify.metrics.ms_ssim import ms_ssim, scales_for


def picture(height: int, width: int) -> torch.Tensor:
    """A smooth picture, made without random numbers so that another environment makes the same."""
    row = torch.arange(height, dtype=torch.float64)[:, None]
    column = torch.arange(width, dtype=torch.float64)[None]
    channel = torch.arange(3, dtype=torch.float64)[:, None, None]
    waves = 0.25 * torch.sin(row / 7 + channel) * torch.cos(column / 11 - channel) + 0.2 * torch.sin(column * row / 301)
    return (0.5 + waves)[None].clamp(0, 1).float()


def damaged(x: torch.Tensor, amount: float) -> torch.Tensor:
    noise = torch.frac(torch.sin(torch.arange(x.numel(), dtype=torch.float64) * 12.9898) * 43758.5453)
    return (x + amount * noise.reshape(x.shape).float() * 0.5).clamp(0, 1)


# Values of pytorch-msssim 1.0.0, for data_range 1 and for the pictures rounded to 8 bits.
@pytest.mark.parametrize(
    ("height", "width", "amount", "of_floats", "of_bytes"),
    [
        (176, 176, 0.05, 0.9974064826965332, 0.9973788261413574),
        (161, 203, 0.2, 0.9773313999176025, 0.9773237109184265),
        (255, 180, 0.6, 0.8155983090400696, 0.8155903220176697),
        (192, 170, 1.0, 0.8426625728607178, 0.8426575064659119),
    ],
)
def test_equals_the_implementation_behind_published_numbers(height, width, amount, of_floats, of_bytes):
    x = picture(height, width)
    y = damaged(x, amount)
    bytes_x, bytes_y = ((t[0] * 255).round().to(torch.uint8).permute(1, 2, 0).numpy() for t in (x, y))
    assert ms_ssim(x, y).item() == pytest.approx(of_floats, abs=1e-5)
    assert ms_ssim(bytes_x, bytes_y).item() == pytest.approx(of_bytes, abs=1e-5)


def test_range_of_values_does_not_matter_when_it_is_told():
    x = picture(176, 180)
    y = damaged(x, 0.3)
    assert ms_ssim(x * 255, y * 255, data_range=255.0).item() == pytest.approx(ms_ssim(x, y).item(), abs=1e-5)


def test_equal_pictures_give_one():
    x = picture(176, 176)
    assert ms_ssim(x, x.clone()).item() == pytest.approx(1.0, abs=1e-6)


def test_inverted_picture_gives_zero_and_a_finite_gradient():
    x = picture(176, 176)
    y = (1 - x).requires_grad_()
    value = ms_ssim(x, y)
    value.backward()
    assert value.item() == pytest.approx(0.0, abs=1e-6)
    assert torch.isfinite(y.grad).all()


def test_following_the_gradient_improves_similarity():
    x = picture(176, 176)
    y = damaged(x, 0.5).requires_grad_()
    before = ms_ssim(x, y)
    before.backward()
    assert ms_ssim(x, y + y.grad / y.grad.norm()).item() > before.item() + 1e-4


def test_small_picture_is_refused_with_the_number_of_scales_that_fit():
    with pytest.raises(InputError, match="scales=4"):
        ms_ssim(picture(160, 200), picture(160, 200))


def test_small_picture_is_measured_with_fewer_scales():
    x = picture(100, 120)
    assert scales_for(100, 120) == 4
    assert 0.5 < ms_ssim(x, damaged(x, 0.3), scales=4).item() < 0.99


@pytest.mark.parametrize(("side", "scales"), [(10, 0), (11, 1), (160, 4), (161, 5), (4000, 5)])
def test_scales_that_fit_a_side(side, scales):
    assert scales_for(side, 5000) == scales


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (torch.zeros(1, 3, 176, 176), torch.zeros(1, 3, 176, 177)),
        (torch.zeros(3, 176, 176), torch.zeros(3, 176, 176)),
        (torch.zeros(1, 3, 176, 176, dtype=torch.uint8), torch.zeros(1, 3, 176, 176, dtype=torch.uint8)),
        (np.zeros((176, 176, 3), np.uint8), torch.zeros(1, 3, 176, 176)),
        (np.zeros((176, 176, 3)), np.zeros((176, 176, 3))),
    ],
)
def test_input_that_would_give_a_wrong_number_is_refused(x, y):
    with pytest.raises(InputError):
        ms_ssim(x, y)
