# SPDX-License-Identifier: Apache-2.0
"""Latent codecs and entropy models of CompressAI as components."""

import pytest
import torch
from torch import nn

from tinify import models, registry
from tinify.errors import FormatError
from tinify.testing import check_entropy_model


def latent(name, **arguments):
    return registry.build("latent-codec", f"compressai-{name}", **arguments)


def bottleneck(channels):
    return registry.build("entropy-model", "compressai-entropy-bottleneck", channels=channels)


def gaussian():
    return latent("gaussian-conditional", quantizer="ste")


def hyper(M, N, name="hyper", outputs=2):
    h_a, h_s = nn.Conv2d(M, N, 4, 4), nn.ConvTranspose2d(N, outputs * M, 4, 4)
    return latent(name, entropy_bottleneck=bottleneck(N), h_a=h_a, h_s=h_s)


def checkerboard(M):
    context = registry.build("layer", "checkerboard-masked-conv2d", in_channels=M, out_channels=2 * M,
                             kernel_size=5, padding=2)  # fmt: skip
    return latent("checkerboard", latent_codec={"y": gaussian()}, context_prediction=context,
                  entropy_parameters=nn.Conv2d(4 * M, 2 * M, 1))  # fmt: skip


def raster(M):
    context = registry.build("layer", "masked-conv2d", in_channels=M, out_channels=2 * M, kernel_size=5, padding=2)
    context.weight.data.mul_(context.mask)
    return latent(
        "raster-scan",
        gaussian_conditional=registry.build("entropy-model", "compressai-gaussian-conditional"),
        context_prediction=context,
        entropy_parameters=nn.Conv2d(4 * M, 2 * M, 1),
    )


def groups(M):
    half = M // 2
    return latent("channel-groups", groups=[half, half], latent_codec={"y0": _half(half, 1), "y1": _half(half, 2)},
                  channel_context={"y1": nn.Conv2d(half, 2 * M, 1)})  # fmt: skip


def _half(channels, count):
    context = registry.build("layer", "checkerboard-masked-conv2d", in_channels=channels, out_channels=2 * channels,
                             kernel_size=5, padding=2)  # fmt: skip
    # Under what stands beside: 2 M of the side, and as many of the other group for the second.
    inputs = 2 * channels + 4 * channels * count
    return latent("checkerboard", latent_codec={"y": gaussian()}, context_prediction=context,
                  entropy_parameters=nn.Conv2d(inputs, 2 * channels, 1))  # fmt: skip


M, N = 4, 3
MAKERS = {
    "entropy-bottleneck": lambda: latent("entropy-bottleneck", channels=M),
    "hyperprior of gaussians": lambda: latent("hyperprior", latent_codec={"y": gaussian(), "hyper": hyper(M, N)}),
    "checkerboard": lambda: latent("hyperprior", latent_codec={"y": checkerboard(M), "hyper": hyper(M, N)}),
    "raster-scan": lambda: latent("hyperprior", latent_codec={"y": raster(M), "hyper": hyper(M, N)}),
    "channel-groups": lambda: latent("hyperprior", latent_codec={"y": groups(M), "hyper": hyper(M, N)}),
}


@pytest.fixture(scope="module", params=MAKERS)
def codec(request):
    torch.manual_seed(0)
    return MAKERS[request.param]().eval()


@pytest.fixture(scope="module")
def y():
    return 5 * torch.randn(1, M, 8, 8, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_a_latent_comes_back_and_reads_as_a_record(codec, y):
    out = codec.compress(y)
    restored = codec.decompress(out.strings, out.shape)
    assert torch.equal(restored.y_hat, out.y_hat) and torch.equal(restored["y_hat"], out["y_hat"])
    assert (restored.y_hat - y).abs().max() <= 0.51 + 1e-4
    assert set(codec(y).likelihoods) >= {"y"}


@torch.no_grad()
def test_a_stream_that_is_cut_off_is_an_error(codec, y):
    out = codec.compress(y)
    strings = [[string[:-4] for string in stream] for stream in out.strings]
    with pytest.raises(FormatError):
        codec.decompress(strings, out.shape)


@torch.no_grad()
@pytest.mark.parametrize("parts", ["gain-hyperprior"])
def test_gains_are_taken_in_each_call(y, parts):
    torch.manual_seed(0)
    codec = latent(parts, latent_codec={"y": gaussian(), "hyper": hyper(M, N, "gain-hyper")}).eval()
    gain, gain_z = torch.full((1, M, 1, 1), 4.0), torch.full((1, N, 1, 1), 2.0)
    out = codec.compress(y, gain, gain_z, 1 / gain, 1 / gain_z)
    restored = codec.decompress(out.strings, out.shape, 1 / gain, 1 / gain_z)
    assert torch.equal(restored.y_hat, out.y_hat)
    assert (restored.y_hat - y).abs().max() <= 0.13


@pytest.mark.parametrize("name", ["entropy-bottleneck", "entropy-bottleneck-vbr", "gaussian-conditional"])
def test_an_entropy_model_keeps_the_contract(name):
    arguments = {} if name.startswith("gaussian") else {"channels": 3}
    check_entropy_model(registry.build("entropy-model", f"compressai-{name}", **arguments))


class Picture(models.ImageCodec):
    """tinify's picture codec around a latent codec of CompressAI."""

    gain = None
    downsampling_factor = 16

    def __init__(self, latent_codec):
        super().__init__()
        self.g_a, self.g_s, self.latent_codec = nn.Conv2d(3, M, 4, 4), nn.ConvTranspose2d(M, 3, 4, 4), latent_codec
        self.name = "around"

    def shape_for(self, height, width):
        return {"y": (height // 4, width // 4), "hyper": (height // 16, width // 16)}

    def update(self, *args, **kwargs):
        return False


def test_tinify_s_own_codec_works_around_one_and_says_that_files_are_not_portable(picture):
    import tinify
    from tinify import container

    torch.manual_seed(0)
    codec = Picture(MAKERS["hyperprior of gaussians"]())
    data = tinify.compress(picture, codec=codec)
    assert tinify.decompress(data, codec=codec).shape == picture.shape
    assert container.is_portable(data) is False
