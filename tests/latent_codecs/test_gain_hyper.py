# SPDX-License-Identifier: Apache-2.0
"""A hyperprior under gains that the caller has."""

import pytest
import torch
from torch import nn

from tinify.errors import FormatError
from tinify.latent_codecs import (
    GainHyperLatentCodec,
    GainHyperpriorLatentCodec,
    GaussianConditionalLatentCodec,
    HyperLatentCodec,
    HyperpriorLatentCodec,
    RasterScanLatentCodec,
)
from tinify.layers import MaskedConv2d

from .test_contract import CHANNELS, _bottleneck, _Params


def networks():
    torch.manual_seed(1)
    h_a = nn.Conv2d(CHANNELS, CHANNELS, 4, stride=4)
    return _bottleneck(), h_a, _Params(("scales", "means"))


@pytest.fixture
def codec():
    hyper = GainHyperLatentCodec(*networks())
    return GainHyperpriorLatentCodec({"y": GaussianConditionalLatentCodec(), "hyper": hyper}).eval()


def gains(y_gain=1.7, z_gain=2.3, inverse=1.0):
    """y_gain, z_gain, y_gain_inv, z_gain_inv, which differ from channel to channel."""
    spread = torch.linspace(0.8, 1.2, CHANNELS)[None, :, None, None]
    y_gain, z_gain = y_gain * spread, z_gain * spread
    return y_gain, z_gain, inverse / y_gain, inverse / z_gain


def latent(batch=2, scale=5.0):
    return torch.randn(batch, CHANNELS, 8, 20, generator=torch.Generator().manual_seed(3)) * scale


@torch.no_grad()
def test_gains_of_one_are_the_hyperprior_without_gains(codec):
    plain = HyperpriorLatentCodec({"y": codec.y, "hyper": HyperLatentCodec(*networks())}).eval()
    ones = [torch.ones(1, CHANNELS, 1, 1)] * 4
    mine, theirs = codec.compress(latent(), *ones), plain.compress(latent())
    assert mine.strings == theirs.strings
    assert torch.equal(codec(latent(), *ones).y_hat, plain(latent()).y_hat)


@torch.no_grad()
@pytest.mark.parametrize("batch", [1, 3])
def test_both_ends_see_the_latent_of_forward(codec, batch):
    y, (y_gain, z_gain, y_inverse, z_inverse) = latent(batch), gains()
    out = codec.compress(y, y_gain, z_gain, y_inverse, z_inverse)
    expected = codec(y, y_gain, z_gain, y_inverse, z_inverse)
    assert set(expected.likelihoods) == {"y", "z"}
    torch.testing.assert_close(out.y_hat, expected.y_hat, rtol=0, atol=1e-5)
    found = codec.decompress(out.strings, out.shape, y_inverse, z_inverse).y_hat
    torch.testing.assert_close(found, expected.y_hat, rtol=0, atol=1e-5)


@torch.no_grad()
def test_a_larger_gain_is_more_bytes_and_less_error(codec):
    y = latent()
    sizes, errors = [], []
    for gain in (0.5, 1.0, 4.0):
        out = codec.compress(y, *gains(gain))
        sizes.append(sum(len(s) for stream in out.strings for s in stream))
        errors.append((out.y_hat - y).abs().mean())
    assert sizes == sorted(sizes) and errors == sorted(errors, reverse=True)


@torch.no_grad()
def test_the_inverse_need_not_be_one(codec):
    half = codec(latent(), *gains(inverse=0.5))
    y_gain, z_gain, y_inverse, _ = gains()
    expected = codec(latent(), y_gain, z_gain, y_inverse, 0.5 / z_gain)
    torch.testing.assert_close(half.y_hat * 2, expected.y_hat)


@torch.no_grad()
def test_a_codec_with_a_context_nests_in_it():
    y = RasterScanLatentCodec(
        context_prediction=MaskedConv2d(CHANNELS, CHANNELS, 5, padding=2),
        entropy_parameters=nn.Sequential(nn.Conv2d(3 * CHANNELS, 2 * CHANNELS, 1)),
    )
    codec = GainHyperpriorLatentCodec({"y": y, "hyper": GainHyperLatentCodec(*networks())}).eval()
    y_gain, z_gain, y_inverse, z_inverse = gains()
    out = codec.compress(latent(), y_gain, z_gain, y_inverse, z_inverse)
    assert torch.equal(codec.decompress(out.strings, out.shape, y_inverse, z_inverse).y_hat, out.y_hat)


def test_gradients_reach_the_gains(codec):
    leaves = [gain.requires_grad_() for gain in gains()]
    out = codec.train()(latent(), *leaves)
    (out.y_hat.square().sum() - sum(p.log().sum() for p in out.likelihoods.values())).backward()
    assert all(leaf.grad.any() for leaf in leaves)


@torch.no_grad()
def test_missing_streams_are_a_typed_error(codec):
    out = codec.compress(latent(1), *gains())
    with pytest.raises(FormatError):
        codec.decompress(out.strings[1:], out.shape, *gains()[2:])
