# SPDX-License-Identifier: Apache-2.0
"""What every latent codec keeps: the decoder's latent is forward's, and the strings have the estimated bits."""

import copy

import pytest
import torch
from torch import nn

from tinify.entropy_models import EntropyBottleneck
from tinify.errors import ConfigError, FormatError, TinifyError
from tinify.latent_codecs import (
    EntropyBottleneckLatentCodec,
    GainLatentCodec,
    GaussianConditionalLatentCodec,
    HyperLatentCodec,
    HyperpriorLatentCodec,
)

CHANNELS = 6


def _bottleneck(channels=CHANNELS):
    model = EntropyBottleneck(channels, init_scale=6)
    model.update(update_quantiles=True)
    return model


class _Params(nn.Module):
    """Scales near 4 and, where asked for, small means, from CHANNELS channels at a quarter of the size."""

    def __init__(self, chunks):
        super().__init__()
        self.chunks = chunks
        self.net = nn.ConvTranspose2d(CHANNELS, CHANNELS * len(chunks), 4, stride=4)

    def forward(self, z_hat):
        params = dict(zip(self.chunks, self.net(z_hat / 4).split(CHANNELS, 1), strict=True))
        params["scales"] = 4 + 0.2 * params["scales"].abs()
        return torch.cat([params[name] for name in self.chunks], 1)


def _hyperprior(chunks=("scales", "means"), quantizer="noise"):
    h_a = nn.Conv2d(CHANNELS, CHANNELS, 4, stride=4)
    hyper = HyperLatentCodec(_bottleneck(), h_a, _Params(chunks), quantizer=quantizer)
    y = GaussianConditionalLatentCodec(chunks=chunks, quantizer=quantizer)
    return HyperpriorLatentCodec({"y": y, "hyper": hyper})


def _gained():
    gain = torch.linspace(0.9, 1.1, CHANNELS)[None, :, None, None]
    return GainLatentCodec(_hyperprior(), gain, 1 / gain)


CODECS = {
    "entropy bottleneck": lambda: EntropyBottleneckLatentCodec(_bottleneck()),
    "hyperprior, scales": lambda: _hyperprior(("scales",)),
    "hyperprior, scales and means": _hyperprior,
    "hyperprior, means and scales": lambda: _hyperprior(("means", "scales")),
    "hyperprior, straight-through": lambda: _hyperprior(quantizer="ste"),
    "gain": _gained,
}


@pytest.fixture(params=CODECS)
def codec(request):
    torch.manual_seed(1)
    return CODECS[request.param]().eval()


@torch.no_grad()
@pytest.mark.parametrize("size", [(4, 4), (8, 20)])
@pytest.mark.parametrize("batch", [1, 3])
def test_encoder_and_decoder_see_the_latent_of_forward(codec, batch, size):
    y = torch.randn(batch, CHANNELS, *size) * 5
    out = codec.compress(y)
    assert all(len(stream) == batch for stream in out.strings)
    expected = codec(y).y_hat
    torch.testing.assert_close(out.y_hat, expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(codec.decompress(out.strings, out.shape).y_hat, expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_written_bits_are_estimated_bits(codec):
    y = torch.randn(1, CHANNELS, 64, 64) * 4
    written = sum(len(s) for stream in codec.compress(y).strings for s in stream)
    estimated = -sum(p.log2().sum().item() for p in codec(y).likelihoods.values()) / 8
    assert estimated > 1000
    assert abs(written - estimated) < 0.01 * estimated + 64


@torch.no_grad()
def test_a_batch_gives_the_strings_of_its_items(codec):
    y = torch.randn(3, CHANNELS, 8, 8) * 5
    together = codec.compress(y).strings
    for item in range(3):
        assert [[stream[item]] for stream in together] == codec.compress(y[item : item + 1]).strings


@torch.no_grad()
def test_latents_in_channels_last_order_give_the_same_strings(codec):
    y = torch.randn(2, CHANNELS, 8, 8) * 5
    assert codec.compress(y.contiguous(memory_format=torch.channels_last)).strings == codec.compress(y).strings


@torch.no_grad()
def test_a_copy_made_after_coding_decodes(codec):
    out = codec.compress(torch.randn(1, CHANNELS, 8, 8) * 5)
    torch.testing.assert_close(copy.deepcopy(codec).decompress(out.strings, out.shape).y_hat, out.y_hat)


@torch.no_grad()
def test_nan_in_a_latent_is_an_error(codec):
    y = torch.zeros(1, CHANNELS, 8, 8)
    y[0, 0, 0, 0] = float("nan")
    with pytest.raises(TinifyError):
        codec.compress(y)


@torch.no_grad()
def test_an_empty_string_is_an_error(codec):
    out = codec.compress(torch.randn(1, CHANNELS, 8, 8) * 5)
    with pytest.raises(TinifyError):
        codec.decompress([[b""] for _ in out.strings], out.shape)


@torch.no_grad()
def test_another_number_of_streams_is_an_error(codec):
    out = codec.compress(torch.randn(1, CHANNELS, 8, 8) * 5)
    for wrong in ([], out.strings[:-1], [*out.strings, out.strings[0]]):
        with pytest.raises(FormatError):
            codec.decompress(wrong, out.shape)


def test_training_reaches_every_parameter(codec):
    codec.train()
    out = codec(torch.randn(2, CHANNELS, 8, 8) * 5)
    rate = -sum(p.log().sum() for p in out.likelihoods.values())
    (rate + out.y_hat.square().sum()).backward()
    missing = [n for n, p in codec.named_parameters() if p.grad is None and not n.endswith("quantiles")]
    assert not missing


@pytest.mark.parametrize("quantizer", ["noise", "ste"])
def test_in_training_the_quantizer_says_what_is_handed_on(quantizer):
    torch.manual_seed(0)
    codec = GaussianConditionalLatentCodec(chunks=("scales",), quantizer=quantizer).train()
    y = torch.randn(1, CHANNELS, 4, 4) * 5
    y_hat = codec(y, torch.full_like(y, 4.0)).y_hat
    assert torch.equal(y_hat, y.round()) == (quantizer == "ste")
    assert (y_hat - y).abs().max() <= 0.5


@pytest.mark.parametrize("wrong", [{"quantizer": "round"}, {"chunks": ("means",)}, {"chunks": ("scales", "scales")}])
def test_wrong_arguments_are_named(wrong):
    with pytest.raises(ConfigError, match=str(next(iter(wrong.values()))[0])):
        GaussianConditionalLatentCodec(**wrong)
    if "quantizer" in wrong:
        with pytest.raises(ConfigError, match="round"):
            HyperLatentCodec(_bottleneck(), nn.Identity(), nn.Identity(), **wrong)
