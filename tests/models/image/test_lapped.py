# SPDX-License-Identifier: Apache-2.0
import copy

import pytest
import torch

import tinify
from tinify.models import LappedHyperprior

from .active import tensor


@pytest.fixture(scope="module")
def codec():
    torch.manual_seed(0)
    codec = LappedHyperprior(N=8, counts=(20, 6, 6), groups=(8, 24), width=8, synthesis_blocks=2, gain_levels=4).eval()
    with torch.no_grad():
        for name, p in codec.named_parameters():
            if name.endswith(("level.table", "out.weight")):
                p.normal_(0, 0.02)
            if ".h_s." in name or ".h_a." in name:
                p.mul_(3)
            if name.endswith("entropy_parameters.2.bias"):
                p[: len(p) // 2] += 4
    codec.name = "lapped-hyperprior"
    codec.update(update_quantiles=True)
    return codec


def _bytes(out):
    return sum(len(s) for stream in out.strings for s in stream)


@torch.no_grad()
@pytest.mark.parametrize("level", [None, 0.0, 1.3, 3.0])
def test_decompress_gives_what_forward_gives(codec, level):
    x = tensor(128, 192, 2)
    out = codec.compress(x, level)
    x_hat = codec.decompress(out.strings, out.shape, level).x_hat
    torch.testing.assert_close(x_hat, codec(x, level).x_hat.clamp(0, 1), rtol=0, atol=1e-4)


@torch.no_grad()
def test_items_of_a_batch_can_have_levels_of_their_own(codec):
    x, levels = tensor(64, 96, 2), [0.4, 2.7]
    together = codec(x, torch.tensor(levels)).x_hat
    alone = torch.cat([codec(item[None], level).x_hat for item, level in zip(x, levels, strict=True)])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-4)


@torch.no_grad()
def test_a_higher_level_has_more_bits_and_less_error(codec):
    x = tensor(128, 128)
    bits = [_bytes(codec.compress(x, level)) for level in (0.0, 1.5, 3.0)]
    errors = [(codec(x, level).x_hat - x).square().mean().item() for level in (0.0, 1.5, 3.0)]
    assert bits == sorted(bits)
    assert errors == sorted(errors, reverse=True)


@torch.no_grad()
def test_written_bytes_are_the_estimated_bits(codec):
    x = tensor(256, 384)
    estimated = -sum(p.log2().sum().item() for p in codec(x, 2.0).likelihoods.values()) / 8
    assert abs(_bytes(codec.compress(x, 2.0)) - estimated) < 0.01 * estimated + 64


@pytest.mark.parametrize("size", [(1, 1), (33, 47), (64, 70)])
def test_pictures_of_any_size_come_back_at_their_size(codec, size):
    picture = (tensor(*size)[0].permute(1, 2, 0) * 255).round().byte().numpy()
    assert tinify.decompress(tinify.compress(picture, codec, quality=70), codec).shape == picture.shape


def test_before_training_it_is_as_good_as_a_lapped_transform_of_quantized_blocks():
    torch.manual_seed(0)
    codec = LappedHyperprior(N=8, counts=(64, 64, 64), groups=(64, 128), width=8).eval()
    x = tensor(128, 128)
    with torch.no_grad():
        x_hat = codec(x, 7.0).x_hat
    step = 1 / 15
    assert (x_hat - x)[:, :, 8:-8, 8:-8].square().mean() < 1.5 * step**2 / 12


def test_the_entropy_path_can_be_made_exact(codec):
    exact = copy.deepcopy(codec)
    report = tinify.quantize_entropy_path(exact, tensor(64, 64))
    assert report.layers > 0
    assert exact.is_portable
    assert abs(report.loss) < 0.01
