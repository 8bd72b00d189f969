# SPDX-License-Identifier: Apache-2.0
"""Transforms in bfloat16: nearly the same pictures, and files that decode with and without."""

import numpy as np
import pytest
import torch

import tinify
from tests.models.image.active import KINDS, WITH_CONTEXT, active, active_with_context, signal, tensor
from tinify.errors import ConfigError


@pytest.fixture(scope="module", params=[*KINDS, *WITH_CONTEXT])
def pair(request):
    make = active if request.param in KINDS else active_with_context
    return make(request.param), tinify.optimize(make(request.param), torch.bfloat16)


def psnr(x, y):
    return float(-10 * (x - y).square().mean().log10())


@torch.no_grad()
def test_files_decode_with_and_without(pair):
    x = tensor(128, 192)
    for writer in pair:
        out = writer.compress(x)
        plain, quick = (reader.decompress(**out).x_hat for reader in pair)
        assert plain.dtype == quick.dtype == torch.float32
        assert psnr(plain, quick) > 38


@torch.no_grad()
def test_sizes_are_nearly_the_same(pair):
    x = tensor(128, 192)
    plain, quick = (sum(len(s) for stream in codec.compress(x).strings for s in stream) for codec in pair)
    assert abs(quick / plain - 1) < 0.02


def test_training_is_not_touched(pair):
    x = tensor(64, 64)
    outputs = [codec(x).x_hat for codec in pair]
    assert outputs[1].requires_grad and torch.equal(*outputs)


def test_a_whole_file_goes_through():
    codec = tinify.optimize(active("mbt2018-mean"), torch.bfloat16)
    picture = signal(70, 90)
    assert np.abs(codec.unpack(codec.pack(picture)).samples.astype(int) - picture.samples).mean() < 255


def test_the_choice_is_the_processors_and_can_be_taken_back():
    codec = tinify.optimize(active("mbt2018-mean"))
    assert codec.transform_dtype in (torch.float32, torch.bfloat16)
    assert tinify.optimize(codec, torch.float32).transform_dtype == torch.float32


def test_what_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="has no transforms"):
        tinify.optimize(tinify.load("photo-fast"))
    with pytest.raises(ConfigError, match="float16"):
        tinify.optimize(active("mbt2018-mean"), torch.float16)
