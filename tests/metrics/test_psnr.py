# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest
import torch

from tinify.errors import InputError
from tinify.metrics.psnr import psnr


def picture(value: int, shape=(4, 5, 3)) -> np.ndarray:
    return np.full(shape, value, dtype=np.uint8)


def test_one_grey_level_of_error_is_48_decibels():
    assert psnr(picture(100), picture(101)) == pytest.approx(20 * math.log10(255), abs=1e-12)


def test_difference_of_bytes_does_not_wrap_around():
    assert psnr(picture(0), picture(255)) == pytest.approx(0.0)


def test_floats_are_in_the_unit_range():
    assert psnr(np.zeros((3, 4, 4)), np.full((3, 4, 4), 0.1)) == pytest.approx(20.0)


def test_bytes_and_their_tensor_in_unit_range_agree():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)
    as_tensor = [torch.from_numpy(a).permute(2, 0, 1).float() / 255 for a in (x, y)]
    assert psnr(*as_tensor) == pytest.approx(psnr(x, y), abs=1e-4)


def test_a_batch_is_the_mean_of_decibels_not_of_errors():
    x = np.zeros((2, 4, 4, 3), dtype=np.uint8)
    y = np.stack([picture(1, (4, 4, 3)), picture(10, (4, 4, 3))])
    assert psnr(x, y) == pytest.approx((psnr(x[0], y[0]) + psnr(x[1], y[1])) / 2)
    assert psnr(x, y) > 10 * math.log10(255**2 / np.mean(y.astype(float) ** 2)) + 3


def test_equal_pictures_are_infinitely_good():
    assert psnr(picture(3), picture(3)) == math.inf


def test_gradients_and_other_peaks_are_accepted():
    x = torch.zeros(1, 3, 2, 2, requires_grad=True)
    assert psnr(x, torch.ones(1, 3, 2, 2), data_range=10) == pytest.approx(20.0)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (picture(1), picture(1, (4, 6, 3))),
        (picture(1), picture(1).astype(np.float32)),
        (picture(1).astype(np.int64), picture(1).astype(np.int64)),
        (np.zeros((0, 3, 3), np.uint8), np.zeros((0, 3, 3), np.uint8)),
    ],
)
def test_pictures_that_cannot_be_compared_are_refused(x, y):
    with pytest.raises(InputError):
        psnr(x, y)
