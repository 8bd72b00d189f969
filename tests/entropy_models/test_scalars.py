# SPDX-License-Identifier: Apache-2.0
"""Scales to tables and values to symbols: what torch gives, in any layout and type."""

import numpy as np
import pytest
import torch

from tinify import _core
from tinify.entropy_models.scalars import below, nearest
from tinify.errors import InputError


def layouts(x):
    return [
        x,
        x.transpose(0, 2).contiguous().transpose(0, 2),
        x.transpose(1, 2).contiguous().transpose(1, 2),
        x[:, ::2],
    ]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("count", [0, 1, 63, 300])
def test_steps_below_are_those_of_torch(dtype, count):
    steps = torch.linspace(0.1, 5, count, dtype=dtype)
    x = torch.randn(2, 9, 31, dtype=dtype) * 3
    x[0, 0, :5] = torch.tensor([float("nan"), float("inf"), -float("inf"), 0, -0.0])
    x.view(-1)[40 : 40 + count] = steps[: x.numel() - 40]
    for y in layouts(x):
        assert torch.equal(
            below(y, 0.11, steps), torch.bucketize(y.clamp_min(0.11).contiguous(), steps, out_int32=True)
        )


def test_scales_of_a_picture_and_of_other_types_have_tables_too():
    x, steps = torch.rand(2, 3, 4, 5), torch.tensor([0.3, 0.6])
    found = below(x, 0.1, steps)
    assert found.shape == x.shape and torch.equal(
        below(x.bfloat16().float().half(), 0.1, steps.half()) >= 0, found >= 0
    )
    assert torch.equal(found, torch.bucketize(x, steps, out_int32=True))


def test_values_go_to_the_nearest_whole_number_and_halves_to_even():
    x = torch.tensor([0.5, 1.5, -0.5, 2.4999999999, 2147483647.0, -2147483647.0], dtype=torch.float64).view(1, 2, 3)
    assert nearest(x, None).flatten().tolist() == [0, 2, 0, 2, 2147483647, -2147483647]
    y, means = torch.randn(2, 9, 31).double() * 50, torch.randn(2, 9, 31)
    for a, b in zip(layouts(y), layouts(means), strict=True):
        assert torch.equal(nearest(a, b), torch.round(a - b).int())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2.0**31, -(2.0**31), 1e300])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_is_no_integer_of_32_bits_is_refused(value, dtype):
    assert nearest(torch.tensor([[[0.0, value]]], dtype=torch.float64).to(dtype), None) is None


def test_shapes_that_do_not_fit_are_refused():
    out = np.empty(5, np.int32)
    with pytest.raises(InputError):
        _core.steps_below(np.zeros((1, 2, 3)), 0.1, np.zeros(2), out)
    with pytest.raises(InputError):
        _core.nearest_whole(np.zeros((1, 2, 3)), None, out)
    with pytest.raises(InputError):
        _core.nearest_whole(np.zeros((1, 1, 5)), np.zeros((1, 5, 1), np.float32), out)
