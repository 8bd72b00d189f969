# SPDX-License-Identifier: Apache-2.0
"""Gaussians at any step, and mixtures of them, as leaves of other latent codecs."""

import pytest
import torch
from torch import nn

from tinify.errors import ConfigError
from tinify.latent_codecs import GainedGaussianLatentCodec, GaussianConditionalLatentCodec, GaussianMixtureLatentCodec
from tinify.latent_codecs.raster_scan import RasterScanLatentCodec
from tinify.layers import MaskedConv2d

C = 6


def offsets(value=None):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 12), nn.ReLU(), nn.Linear(12, 12), nn.ReLU(), nn.Linear(12, 1))
    if value is not None:
        nn.init.zeros_(network[-1].weight)
        nn.init.constant_(network[-1].bias, value)
    return network


def latent(batch=2, side=9):
    """y, and parameters with scales near 4."""
    random = torch.Generator().manual_seed(5)
    params = torch.randn(batch, 2 * C, side, side, generator=random)
    params[:, :C] = 4 + params[:, :C].abs()
    return torch.randn(batch, C, side, side, generator=random) * 5, params


@torch.no_grad()
@pytest.mark.parametrize("gain", [0.1, 0.5, 3.0])
@pytest.mark.parametrize("with_offsets", [False, True])
@pytest.mark.parametrize("chunks", [("scales",), ("scales", "means"), ("means", "scales")])
def test_both_ends_see_the_latent_of_forward(gain, with_offsets, chunks):
    codec = GainedGaussianLatentCodec(chunks=chunks, gain=gain, offsets=offsets() if with_offsets else None).eval()
    y, params = latent()
    params = params.abs()[:, : C * len(chunks)]
    expected, out = codec(y, params), codec.compress(y, params)
    torch.testing.assert_close(out.y_hat, expected.y_hat, rtol=0, atol=1e-5 / gain)
    assert torch.equal(codec.decompress(out.strings, out.shape, params).y_hat, out.y_hat)


@torch.no_grad()
def test_a_gain_of_one_without_offsets_is_a_plain_gaussian():
    plain, codec, (y, params) = GaussianConditionalLatentCodec().eval(), GainedGaussianLatentCodec(gain=1.0), latent()
    assert codec.eval().compress(y, params).strings == plain.compress(y, params).strings
    torch.testing.assert_close(codec(y, params).y_hat, plain(y, params).y_hat)


@torch.no_grad()
def test_offsets_draw_what_is_not_zero_towards_the_mean():
    y, params = latent()
    plain, moved = (GainedGaussianLatentCodec(gain=0.5, offsets=network).eval() for network in (None, offsets(0.25)))
    means = params[:, C:]
    q, moved = (codec(y, params).y_hat - means for codec in (plain, moved))
    torch.testing.assert_close(moved, q - q.sign() * 0.25 / 0.5)
    assert (q == 0).any() and (q != 0).any()


@torch.no_grad()
def test_written_bytes_are_the_estimated_bits():
    y, params = latent(1, 48)
    codec = GainedGaussianLatentCodec(gain=0.7, offsets=offsets()).eval()
    y = params[:, C:] + params[:, :C] * y / 5
    estimated = -codec(y, params).likelihoods["y"].log2().sum().item() / 8
    assert abs(len(codec.compress(y, params).strings[0][0]) - estimated) < 0.01 * estimated + 16


def test_gradients_reach_offsets_scales_means_and_y():
    network, (y, params) = offsets(), latent()
    codec = GainedGaussianLatentCodec(gain=0.5, offsets=network).train()
    out = codec(y.requires_grad_(), params.requires_grad_())
    (out.y_hat.square().sum() - out.likelihoods["y"].log().sum()).backward()
    assert y.grad.any() and params.grad[:, :C].any() and params.grad[:, C:].any()
    assert all(p.grad is not None for p in network.parameters()) and network[0].weight.grad.any()


@pytest.mark.parametrize("gain", [0.0, -1.0, float("nan"), float("inf")])
def test_other_gains_are_refused(gain):
    with pytest.raises(ConfigError, match="gain"):
        GainedGaussianLatentCodec(gain=gain)


def context_of(leaf, parts, **kwargs):
    torch.manual_seed(2)
    codec = RasterScanLatentCodec(
        {"y": leaf},
        entropy_parameters=nn.Sequential(nn.Conv2d(4 * C, 20, 1), nn.LeakyReLU(), nn.Conv2d(20, parts * C, 1)),
        context_prediction=MaskedConv2d(C, 2 * C, 5, padding=2),
        **kwargs,
    ).eval()
    with torch.no_grad():
        codec.entropy_parameters[-1].bias[: parts * C // len(leaf_parts(leaf))] += 4
    return codec


def leaf_parts(leaf):
    return ("scales", "means", "weights") if isinstance(leaf, GaussianMixtureLatentCodec) else ("scales", "means")


CONTEXTS = {
    "gained": lambda: context_of(GainedGaussianLatentCodec(gain=0.6, offsets=offsets()), 2, recursive=True,
                                 context_shift=torch.linspace(-1, 1, 2 * C)),
    "mixture": lambda: context_of(GaussianMixtureLatentCodec(K=3), 9),
}  # fmt: skip


@torch.no_grad()
@pytest.mark.parametrize("name", CONTEXTS)
@pytest.mark.parametrize("batch", [1, 3])
def test_under_a_context_coding_gives_the_latent_and_the_bits_of_forward(name, batch):
    codec, (y, params) = CONTEXTS[name](), latent(batch, 12)
    expected, out = codec(y, params), codec.compress(y, params)
    torch.testing.assert_close(out.y_hat, expected.y_hat, rtol=0, atol=1e-4)
    assert torch.equal(codec.decompress(out.strings, None, params).y_hat, out.y_hat)
    estimated = -expected.likelihoods["y"].log2().sum().item() / 8
    assert abs(sum(map(len, out.strings[0])) - estimated) < 0.02 * estimated + 16 * batch


@pytest.mark.parametrize("name", CONTEXTS)
def test_under_a_context_all_weights_train(name):
    codec, (y, params) = CONTEXTS[name]().train(), latent()
    out = codec(y.requires_grad_(), params)
    (out.y_hat.square().mean() - out.likelihoods["y"].log().mean()).backward()
    assert y.grad.any()
    assert all(p.grad is not None and p.grad.any() for p in codec.parameters())


@torch.no_grad()
def test_a_mixture_without_a_context_comes_back():
    codec, (y, params) = GaussianMixtureLatentCodec(K=2).eval(), latent()
    params = torch.cat([params[:, :C]] * 2 + [params[:, C:]] * 4, 1)
    out = codec.compress(y, params)
    assert torch.equal(out.y_hat, torch.round(y)) and torch.equal(codec(y, params).y_hat, out.y_hat)
    assert torch.equal(codec.decompress(out.strings, out.shape, params).y_hat, out.y_hat)
