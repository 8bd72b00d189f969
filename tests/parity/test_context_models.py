# SPDX-License-Identifier: Apache-2.0
"""Codecs with a context beside CompressAI's: the same picture, in no more bytes."""

import pytest
import torch

from tinify import registry
from tinify.entropy_coder import using_entropy_coder

pytestmark = pytest.mark.parity

NAMES = ["mbt2018", "cheng2020-anchor", "cheng2020-attn", "cheng2020-anchor-checkerboard", "elic2022-official",
         "elic2022-chandelier"]  # fmt: skip


@pytest.fixture(scope="module", params=NAMES)
def case(request, theirs):
    return next(case for case in theirs["context"] if case["name"] == request.param)


@pytest.fixture(scope="module")
def codec(case):
    return registry.get("codec", case["name"]).from_state_dict(case["state"]).eval()


def bytes_of(strings):
    return sum(len(string) for stream in strings for string in stream)


def assert_close(mine, expected):
    torch.testing.assert_close(mine.detach(), expected, rtol=1e-5, atol=1e-5)


def test_a_state_dict_loads_unchanged_and_goes_back_unchanged(case, codec):
    mine = codec.state_dict()
    assert set(mine) == set(case["state"])
    for key, value in case["state"].items():
        assert mine[key].dtype == value.dtype and torch.equal(mine[key], value), key


@pytest.mark.parametrize("gradients", [False, True])
def test_forward_is_equal(case, codec, gradients):
    with torch.set_grad_enabled(gradients):
        out = codec(case["x"])
    assert_close(out.x_hat, case["x_hat"])
    assert set(out.likelihoods) == set(case["likelihoods"])
    for name, likelihoods in out.likelihoods.items():
        torch.testing.assert_close(likelihoods.detach(), case["likelihoods"][name], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_their_decoded_picture_comes_of_no_more_bytes(case, codec):
    with using_entropy_coder("ans"):
        out = codec.compress(case["x"])
        x_hat = codec.decompress(**out).x_hat
    assert_close(x_hat, case["decompressed"])
    theirs = bytes_of(case["strings"])
    assert theirs > 1000
    assert bytes_of(out.strings) <= 1.005 * theirs
