# SPDX-License-Identifier: Apache-2.0
"""Codecs of variable rate beside CompressAI's, at several gains: the same picture, in no more bytes."""

import pytest
import torch

from tinify import registry
from tinify.entropy_coder import using_entropy_coder

from .test_context_models import assert_close, bytes_of

pytestmark = pytest.mark.parity


@pytest.fixture(scope="module", params=range(20))
def case(request, theirs):
    assert len(theirs["variable"]) == 20
    return theirs["variable"][request.param]


@pytest.fixture(scope="module")
def codec(case):
    return registry.get("codec", case["name"]).from_state_dict(case["state"]).eval()


def rate_of(case):
    return {"inputscale": case["inputscale"]} if case["inputscale"] else {"s": case["s"]}


def test_a_state_dict_loads_unchanged_and_goes_back_unchanged(case, codec):
    mine = codec.state_dict()
    assert set(mine) == set(case["state"])
    for key, value in case["state"].items():
        assert mine[key].dtype == value.dtype and torch.equal(mine[key], value), key


@pytest.mark.parametrize("gradients", [False, True])
def test_forward_is_equal_but_that_z_has_the_rate_of_its_bins(case, codec, gradients):
    with torch.set_grad_enabled(gradients):
        out = codec(case["x"], **rate_of(case))
    assert_close(out.x_hat, case["x_hat"])
    assert set(out.likelihoods) == {"y", "z"}
    for name, likelihoods in out.likelihoods.items():
        torch.testing.assert_close(likelihoods.detach(), case["likelihoods"][name], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_the_first_stage_is_equal(case, codec):
    assert_close(codec(case["x"], stage=1).x_hat, case["plain"])


@torch.no_grad()
def test_their_decoded_picture_comes_of_no_more_bytes(case, codec):
    with using_entropy_coder("ans"):
        out = codec.compress(case["x"], **rate_of(case))
        x_hat = codec.decompress(**out, **rate_of(case)).x_hat
    assert_close(x_hat, case["decompressed"])
    assert bytes_of(out.strings) <= 1.005 * bytes_of(case["strings"])


def test_some_widths_of_z_are_above_the_bound(theirs):
    assert sum(case["width"] > 0.6 for case in theirs["variable"]) >= 3
