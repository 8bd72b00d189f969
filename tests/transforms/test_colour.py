# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from tinify.errors import InputError
from tinify.transforms import YCBCR_STEPS, RctAnalysis, RctSynthesis, YcbcrAnalysis, YcbcrSynthesis


def test_ycbcr_is_that_of_jpeg():
    rgb = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    theirs = np.asarray(Image.fromarray(rgb).convert("YCbCr")).astype(np.float32)
    ours = YcbcrAnalysis()(torch.from_numpy(rgb).float().permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
    assert np.abs(ours + np.array([0, 128, 128]) - theirs).max() < 1.01  # theirs are rounded


def test_ycbcr_comes_back_and_grey_has_no_chroma():
    x = torch.rand(2, 3, 5, 7, dtype=torch.float64)
    assert torch.allclose(YcbcrSynthesis()(YcbcrAnalysis()(x)), x)
    grey = YcbcrAnalysis()(torch.full((1, 3, 2, 2), 0.4))
    assert torch.allclose(grey, torch.tensor([0.4, 0, 0])[:, None, None].expand(3, 2, 2), atol=1e-6)


def test_chroma_lies_around_zero():
    corners = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 3).t().reshape(1, 3, 8, 1)
    y = YcbcrAnalysis()(corners)
    assert torch.allclose(y[0].amin((1, 2)), torch.tensor([0, -0.5, -0.5]), atol=1e-6)
    assert torch.allclose(y[0].amax((1, 2)), torch.tensor([1, 0.5, 0.5]), atol=1e-6)


def test_errors_of_the_given_steps_count_the_same_in_rgb():
    assert [round(step, 2) for step in YCBCR_STEPS] == [1.0, 0.96, 1.1]
    for channel, step in enumerate(YCBCR_STEPS):
        error = torch.zeros(1, 3, 1, 1)
        error[0, channel] = step
        assert abs(float(YcbcrSynthesis()(error).square().sum()) - 3) < 1e-4


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.int32, (3, 2, 5), elements=st.one_of(st.sampled_from([-32768, 32767, 65535]),
                                                          st.integers(-32768, 65535))))  # fmt: skip
def test_the_reversible_transform_is_exact_on_samples_of_sixteen_bits(x):
    x = torch.from_numpy(x)
    y = RctAnalysis()(x)
    assert y.dtype == torch.int32
    assert torch.equal(RctSynthesis()(y), x)
    assert torch.equal(y[0], torch.div(x[0] + 2 * x[1] + x[2], 4, rounding_mode="floor"))


def test_the_reversible_transform_of_floats_has_a_gradient():
    x = torch.randn(1, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: RctSynthesis()(2 * RctAnalysis()(x)), x)
    assert torch.allclose(RctSynthesis()(RctAnalysis()(x)), x)


@pytest.mark.parametrize("x", [torch.zeros(1, 4, 2, 2), torch.zeros(3, 2), torch.zeros(1, 3, 2, 2, dtype=torch.uint8)])
def test_what_is_not_three_channels_of_wide_numbers_is_refused(x):
    for side in (YcbcrAnalysis, YcbcrSynthesis, RctAnalysis, RctSynthesis):
        with pytest.raises(InputError, match="allowed"):
            side()(x)
