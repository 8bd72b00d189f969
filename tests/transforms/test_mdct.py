# SPDX-License-Identifier: Apache-2.0
import math

import pytest
import torch

from tinify.errors import ConfigError
from tinify.transforms import MdctAnalysis, MdctSynthesis, mdct_window

WINDOWS = ["sine", "kbd"]


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("patch", [2, 8, 18])
def test_what_goes_in_comes_out_exactly(window, patch):
    x = torch.randn(3, 7 * patch)
    y = MdctAnalysis(patch, window)(x)
    assert y.shape == (3, 7, patch)
    assert torch.allclose(MdctSynthesis(patch, window)(y), x, atol=1e-5)


@pytest.mark.parametrize("window", WINDOWS)
def test_the_transform_is_orthonormal(window):
    matrix = MdctAnalysis(8, window)(torch.eye(40)).flatten(1)
    assert torch.allclose(matrix @ matrix.t(), torch.eye(40), atol=1e-5)


@pytest.mark.parametrize("window", WINDOWS)
def test_frames_inside_follow_the_formula(window):
    size, x = 8, torch.randn(1, 40)
    n, k = torch.arange(2 * size), torch.arange(size)[:, None]
    rising = mdct_window(size, window)
    cosines = torch.cos(math.pi / size * (n + 0.5 + size / 2) * (k + 0.5)) * math.sqrt(2 / size)
    frame = x[0, 2 * size - size // 2 :][: 2 * size] * torch.cat([rising, rising.flip(0)])
    assert torch.allclose(MdctAnalysis(size, window)(x)[0, 2], cosines @ frame, atol=1e-5)


@pytest.mark.parametrize("window", WINDOWS)
def test_windows_are_power_complementary_and_rise(window):
    rising = mdct_window(32, window)
    assert torch.allclose(rising.square() + rising.flip(0).square(), torch.ones(32), atol=1e-6)
    assert (rising.diff() > 0).all()


def test_a_single_block_comes_back():
    x = torch.randn(2, 8)
    assert torch.allclose(MdctSynthesis(8)(MdctAnalysis(8)(x)), x, atol=1e-5)


def test_the_window_shows_in_the_state():
    assert not torch.equal(MdctAnalysis(8, "sine").state_dict()["slope"], MdctAnalysis(8, "kbd").state_dict()["slope"])


def test_odd_patches_and_unknown_windows_are_refused():
    with pytest.raises(ConfigError, match="even"):
        MdctAnalysis(7)
    with pytest.raises(ConfigError, match="sine"):
        MdctAnalysis(8, "hann")
