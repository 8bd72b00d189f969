# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from tinify.container import inspect
from tinify.evaluation.tnf_codec import TnfCodec
from tinify.models.image.google import MeanScaleHyperprior

from .pictures import photo


@pytest.fixture(scope="module")
def codec() -> TnfCodec:
    torch.manual_seed(0)
    model = MeanScaleHyperprior(8, 12, gain_levels=4).eval()
    model.name = "small"
    return TnfCodec(model)


def test_bytes_are_a_tnf_file_and_come_back_as_the_picture(codec):
    picture = photo(70, 90)
    data = codec.encode(picture, 50)
    assert inspect(data)["codec"] == "small"
    restored = codec.decode(data)
    assert (restored.shape, restored.dtype) == (picture.shape, np.uint8)


def test_estimate_is_close_to_what_is_written(codec):
    picture = photo(128, 192)
    for quality in (0, 100):
        written = 8 * len(codec.encode(picture, quality))
        estimated = codec.estimate_bits(picture, quality)
        assert 0.99 * estimated < written < 1.01 * estimated + 8 * 64


def test_name_can_be_given(codec):
    assert (codec.name, TnfCodec(codec.codec, "other").name) == ("small", "other")
