# SPDX-License-Identifier: Apache-2.0
"""The network of a wavelet codec: within the cells of the quantizer, the same in strips, for any size."""

import pytest
import torch

from tests.models.image.scenes import scene
from tests.models.image.test_wavelet import psnr
from tinify import api
from tinify.errors import ConfigError
from tinify.models.image import restoration
from tinify.models.image.rate_choice import settled
from tinify.models.image.restoration import WaveletRestoration
from tinify.models.image.wavelet_mixing import WaveletMixing
from tinify.signal import Signal

STEP = torch.tensor([8.0, 9.0, 10.0])[:, None, None]


def network(levels=3, scale=0.05) -> WaveletRestoration:
    """One whose weights are random."""
    torch.manual_seed(0)
    made = WaveletRestoration(levels, width=8, depth=2)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=scale)
    return made.eval()


def numbers(*size, seed=0):
    q = torch.randint(-3, 4, (3, *size), generator=torch.Generator().manual_seed(seed), dtype=torch.int32)
    return q, q * STEP


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 2), (7, 1), (33, 18), (40, 31)])
@pytest.mark.parametrize("levels", [1, 3])
def test_numbers_move_and_stay_within_their_cells(size, levels):
    q, y_hat = numbers(*size)
    y = network(levels, scale=0.5).restore(y_hat.clone(), q, STEP, room=0.3)
    assert y.shape == y_hat.shape and torch.isfinite(y).all()
    assert (y != y_hat).any()
    assert ((y / STEP - q).abs() <= 0.3 + 1e-5).all()


def test_without_training_nothing_changes():
    q, y_hat = numbers(33, 18)
    y = WaveletRestoration(3, width=8, depth=1).restore(y_hat.clone(), q, STEP)
    assert torch.allclose(y, y_hat, atol=1e-3)


def test_planes_are_the_subbands_of_one_level():
    codec = WaveletMixing(levels=3)
    x = torch.from_numpy(scene(37, 50)).permute(2, 0, 1)[None] / 255
    y = codec.analysis(x)[0]
    planes = WaveletRestoration(3).planes(y).view(4, 3, 19, 25)
    one = WaveletMixing(levels=1).analysis(x)[0]
    for plane, (top, left) in zip(planes, ((0, 0), (0, 25), (19, 0), (19, 25)), strict=True):
        expected = one[:, top : top + 19, left : left + 25]
        assert torch.allclose(plane[:, : expected.shape[1], : expected.shape[2]], expected, atol=1e-3)
    assert not planes[2:, :, 18].any()  # 18 rows of details of 37


def test_strips_and_folded_gains_are_the_whole(monkeypatch):
    made = network()
    planes = torch.randn(12, 70, 20, generator=torch.Generator().manual_seed(1))
    monkeypatch.setattr(restoration, "_number_type", lambda: torch.float32)
    with torch.no_grad():
        expected = made(made.inputs(planes)[None], torch.tensor([3.0]))[0]
        monkeypatch.setattr(restoration, "_STRIP", 32 * 20)
        assert torch.allclose(made._corrections(planes, 3.0), expected, atol=1e-5)


def test_half_precision_is_near():
    made, planes = network(), torch.randn(12, 40, 20, generator=torch.Generator().manual_seed(1))
    restoration._number_type.cache_clear()
    with torch.no_grad():
        expected = made(made.inputs(planes)[None], torch.tensor([3.0]))[0]
        assert (made._corrections(planes, 3.0) - expected).abs().max() < 0.03 * expected.abs().max() + 1e-3


def test_arguments_out_of_range_are_refused():
    with pytest.raises(ConfigError, match="width 2"):
        WaveletRestoration(5, width=2)


def test_the_zoo_network_brings_pictures_nearer_at_every_rate():
    codec = api.load("photo-best")
    x = torch.from_numpy(scene(256, 256)).permute(2, 0, 1)[None] / 255
    for quality in (15.0, 30.0, 45.0, 60.0):
        out = codec.compress(x, quality)
        restored = codec.decompress(out.strings, out.shape, quality).x_hat
        q, step = torch.from_numpy(codec.decode([out.strings[0][0]], (3, 256, 256))), codec.step_of(quality)
        plain = codec.synthesis(codec.quantizer.dequantize(q, step)[None])
        assert (restored - x).square().mean() < (plain - x).square().mean()


def test_a_decoded_picture_is_noticed_at_its_step_and_no_other():
    codec = api.load("photo-best")
    samples = scene(128, 128)
    again = codec.unpack(codec.pack(Signal("image", samples), quality=40)).samples
    for picture, quality, expected in ((samples, 40, False), (again, 40, True), (again, 35, False), (again, 47, False)):
        y, step = codec.analysis(torch.from_numpy(picture).permute(2, 0, 1)[None] / 255)[0], codec.step_of(quality)
        assert settled(y, codec.quantizer.quantize(y, step), step) is expected


@pytest.mark.parametrize("quality", [20, 40, 60])
def test_ten_times_the_same_step_loses_next_to_nothing(quality):
    codec, samples = api.load("photo-best"), scene(128, 128)
    first = again = codec.unpack(codec.pack(Signal("image", samples), quality=quality)).samples
    for _ in range(10):
        again = codec.unpack(codec.pack(Signal("image", again), quality=quality)).samples
    assert psnr(samples, again) > psnr(samples, first) - 0.05
