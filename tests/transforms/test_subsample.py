# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from tinify.errors import ConfigError, InputError
from tinify.transforms import SubsampleAnalysis, SubsampleSynthesis


@pytest.mark.parametrize("factors", [(1, 1), (2, 2), (1, 2), (4, 3)])
@pytest.mark.parametrize("shape", [(2, 3, 17, 23), (1, 2, 1, 1), (1, 4, 8, 12)])
@pytest.mark.parametrize("filter", ["triangle", "box"])
def test_flat_chroma_and_all_luma_of_any_size_come_back(factors, shape, filter):
    x = torch.rand(shape)
    x[:, 1:] = 0.3
    first, others = SubsampleAnalysis(factors)(x)
    assert torch.equal(first, x[:, :1])
    assert others.shape == (shape[0], shape[1] - 1, -(-shape[2] // factors[0]), -(-shape[3] // factors[1]))
    assert torch.allclose(SubsampleSynthesis(factors, filter)((first, others)), x, atol=1e-6)


def test_chroma_is_the_mean_of_its_block_and_of_repeated_samples_at_the_border():
    x = torch.zeros(1, 2, 3, 3)
    x[0, 1] = torch.arange(9.0).reshape(3, 3)
    _, others = SubsampleAnalysis()(x)
    assert others[0, 0].tolist() == [[2.0, 3.5], [6.5, 8.0]]


def test_the_triangle_weighs_the_two_nearest_samples():
    others = torch.tensor([0.0, 4.0, 12.0]).reshape(1, 1, 1, 3)
    x_hat = SubsampleSynthesis((1, 2))((torch.zeros(1, 1, 1, 6), others))
    assert x_hat[0, 1, 0].tolist() == [0.0, 1.0, 3.0, 6.0, 10.0, 12.0]


def test_the_box_repeats_samples():
    others = torch.tensor([0.0, 4.0]).reshape(1, 1, 1, 2)
    assert SubsampleSynthesis((1, 2), "box")((torch.zeros(1, 1, 1, 3), others))[0, 1, 0].tolist() == [0.0, 0.0, 4.0]


def test_what_does_not_fit_is_refused():
    with pytest.raises(ConfigError):
        SubsampleAnalysis((0, 2))
    with pytest.raises(ConfigError, match="triangle"):
        SubsampleSynthesis((2, 2), "cubic")
    with pytest.raises(InputError):
        SubsampleAnalysis()(torch.zeros(1, 1, 4, 4))
    with pytest.raises(InputError, match="allowed"):
        SubsampleSynthesis()((torch.zeros(1, 1, 5, 5), torch.zeros(1, 2, 2, 3)))
