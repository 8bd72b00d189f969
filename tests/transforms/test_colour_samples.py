# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from tinify.errors import InputError
from tinify.transforms import YcbcrAnalysis, YcbcrSynthesis
from tinify.transforms.colour_samples import samples_of_ycbcr, ycbcr_of_samples

SIZES = [(1, 1), (3, 7), (40, 33), (2, 1500)]


def picture(height, width):
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)


def planes_of(samples):
    return torch.from_numpy(samples).permute(2, 0, 1)


@pytest.mark.parametrize("size", SIZES)
def test_ycbcr_is_that_of_the_transform(size):
    samples = picture(*size)
    expected = YcbcrAnalysis()(planes_of(samples).double() - 128)
    assert (ycbcr_of_samples(samples) - expected).abs().max() < 1e-4


@pytest.mark.parametrize("size", SIZES)
def test_samples_come_back_rounded_and_clipped(size):
    y_hat = ycbcr_of_samples(picture(*size)) + 40 * torch.randn(3, *size, generator=torch.Generator().manual_seed(0))
    expected = (YcbcrSynthesis()(y_hat.double()) + 128).clamp(0, 255)
    assert (planes_of(samples_of_ycbcr(y_hat)) - expected).abs().max() < 0.5001


def test_every_sample_comes_back_through_ycbcr():
    corners = np.stack(np.meshgrid(*[np.arange(0, 256, 15)] * 3), -1).reshape(18, -1, 3).astype(np.uint8)
    assert np.array_equal(samples_of_ycbcr(ycbcr_of_samples(corners)), corners)


def test_what_is_no_number_becomes_a_sample():
    y_hat = torch.tensor([float("nan"), float("inf"), float("-inf")]).expand(3, 1, 3)
    assert samples_of_ycbcr(y_hat).dtype == np.uint8


@pytest.mark.parametrize("side", [YcbcrAnalysis, YcbcrSynthesis])
def test_floats_without_a_gradient_are_mixed_as_torch_does(side):
    x = 100 * torch.randn(2, 3, 33, 41, generator=torch.Generator().manual_seed(0))
    assert (side()(x) - side()(x.double())).abs().max() < 1e-4
    assert torch.equal(side()(x)[1], side()(x[1]))
    assert torch.equal(side()(x), side()(x.contiguous(memory_format=torch.channels_last)))
    assert side()(x.requires_grad_()).requires_grad


def test_other_shapes_and_types_are_refused():
    with pytest.raises(InputError):
        ycbcr_of_samples(np.zeros((4, 4), np.uint8))
    with pytest.raises(InputError):
        samples_of_ycbcr(torch.zeros(3, 4, 4, dtype=torch.float64))
