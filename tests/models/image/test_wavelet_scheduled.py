# SPDX-License-Identifier: Apache-2.0
"""Bits weighed by the tables themselves, and levels as streams of their own."""

import pytest
import torch

from tests.models.image.scenes import scene
from tinify import api
from tinify.models.image.wavelet_scheduled import WaveletScheduled


@pytest.fixture(scope="module")
def y():
    return api.load("photo-fast").analysis(torch.from_numpy(scene()).permute(2, 0, 1)[None] / 255)[0]


def test_bits_weighed_cost_less_for_as_much_error(y):
    codec, step, results = api.load("photo-fast"), torch.tensor(12.0), []
    for q in (codec.choose(y, step), codec.quantizer.quantize(y, step)):
        error = float((codec.quantizer.dequantize(q, step) - y).square().mean())
        results.append((len(codec.encode(q.numpy())[0]), error))
    (chosen, chosen_error), (rounded, rounded_error) = results
    assert chosen < 0.85 * rounded and chosen_error < 1.5 * rounded_error


def test_the_coarsest_numbers_are_only_rounded(y):
    codec, step = api.load("photo-fast"), torch.tensor(12.0)
    height, width = -(-y.shape[1] // 32), -(-y.shape[2] // 32)
    chosen, rounded = codec.choose(y, step), codec.quantizer.quantize(y, step)
    assert torch.equal(chosen[:, :height, :width], rounded[:, :height, :width])
    assert not torch.equal(chosen, rounded)


def test_split_codecs_have_a_stream_for_each_level(y):
    codec = WaveletScheduled(levels=3, sets=2, split=True)
    strings = codec.encode(codec.choose(y, torch.tensor(20.0)).numpy())
    assert len(strings) == 4
