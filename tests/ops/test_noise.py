# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from tinify.entropy_models import EntropyBottleneck, GaussianConditional
from tinify.ops.noise import shared_noise, uniform_noise


def test_it_is_within_half_a_step_and_like_what_it_is_for():
    x = torch.empty(2, 3, 64, 64, dtype=torch.double).contiguous(memory_format=torch.channels_last)
    noise = uniform_noise(x)
    assert noise.dtype == x.dtype and noise.stride() == x.stride()
    assert -0.5 <= noise.min() < -0.49 and 0.49 < noise.max() <= 0.5


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("make", [lambda: EntropyBottleneck(4), lambda: GaussianConditional(None)])
def test_noise_of_shares_is_that_of_the_whole_batch(make, layout):
    torch.manual_seed(1)
    x, model = torch.randn(6, 4, 3, 5).contiguous(memory_format=layout), make().train()

    def noisy(values):
        torch.manual_seed(7)
        return model.quantize(values, "noise") if isinstance(model, GaussianConditional) else model(values)[0]

    whole = noisy(x)
    for rank in range(3):
        with shared_noise(rank, 3):
            assert torch.equal(noisy(x[rank::3].contiguous(memory_format=layout)), whole[rank::3])
    assert torch.equal(noisy(x), whole)
