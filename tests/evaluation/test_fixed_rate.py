# SPDX-License-Identifier: Apache-2.0
from itertools import pairwise

import numpy as np
import pytest
import torch

from tinify.errors import InputError
from tinify.evaluation.fixed_rate import fp16, int8
from tinify.models.series.tcrae_seq import TcraeSeq


@pytest.fixture(scope="module")
def codec():
    torch.manual_seed(0)
    codec = TcraeSeq(window=64, width=8, strides=(2, 4), dilations=(1, 2))
    y = codec.analysis(windows())
    codec.ranges.copy_(torch.stack([y.amin((0, 1)), y.amax((0, 1))]))
    return codec


def windows(count=50):
    t = np.arange(count * 64) / 9
    return torch.from_numpy(np.sin(t).astype(np.float32)).reshape(count, 64)


def error(codec, out):
    return (out.x_hat - windows()).square().mean().item()


@pytest.mark.parametrize("kept", [None, 1, 5])
def test_bits_are_those_of_the_kept_numbers(codec, kept):
    assert fp16(codec, windows(), kept).bits == 16 * (kept or 8) / 8
    assert int8(codec, windows(), kept).bits == 8 * (kept or 8) / 8


def test_half_precision_is_finer_than_a_byte_and_a_byte_within_its_step(codec):
    fine, coarse = error(codec, fp16(codec, windows())), error(codec, int8(codec, windows()))
    step = (codec.ranges[1] - codec.ranges[0]) / 255
    assert 0 < fine < coarse < 1.1 * step.square().mean() / 12


def test_the_numbers_that_matter_most_are_kept_first(codec):
    errors = [error(codec, int8(codec, windows(), kept)) for kept in range(1, 9)]
    assert all(b <= a * 1.001 for a, b in pairwise(errors))
    assert errors[1] < 0.2 * windows().square().mean()


def test_more_numbers_than_there_are_cannot_be_kept(codec):
    with pytest.raises(InputError, match="9 latents"):
        fp16(codec, windows(), 9)
