# SPDX-License-Identifier: Apache-2.0
"""The wavelet codecs of the zoo: real files of any size and rate, exact in their numbers, ahead of JPEG."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.models.image.scenes import scene
from tinify import api, container
from tinify.errors import ConfigError, FormatError, InputError, TinifyError
from tinify.signal import Signal

NAMES = ["photo-best", "photo-fast"]


@pytest.fixture(scope="module", params=NAMES)
def codec(request):
    return api.load(request.param)


def through_a_file(codec, samples, **options):
    data = container.pack(codec.pack(Signal("image", samples), **options))
    return codec.unpack(container.unpack(data)).samples, data


def psnr(x, y) -> float:
    return 10 * np.log10(255**2 / max(np.mean((x.astype(float) - y) ** 2), 1e-6))


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (33, 2), (17, 31), (120, 160)])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_any_size_and_number_of_channels_comes_back_near(codec, size, channels):
    samples = scene(*size)[..., [0, 1, 2, 0]][..., [[0], [0, 3], [0, 1, 2], [0, 1, 2, 3]][channels - 1]]
    restored, _ = through_a_file(codec, samples, quality=70)
    assert restored.shape == samples.shape and restored.dtype == np.uint8
    assert psnr(samples, restored) > 36
    if channels in (2, 4):
        assert np.array_equal(restored[..., -1], samples[..., -1])


def test_more_quality_means_more_bytes_and_less_error(codec):
    samples = scene()
    results = [through_a_file(codec, samples, quality=quality) for quality in (0, 20, 40, 60, 80, 100)]
    sizes, errors = [len(data) for _, data in results], [psnr(samples, restored) for restored, _ in results]
    assert sizes == sorted(set(sizes)) and errors == sorted(set(errors))
    assert errors[-1] > 48 and sizes[0] < 120


def test_files_are_smaller_than_jpegs_that_err_as_much(codec):
    samples, buffer = scene(256, 256), io.BytesIO()
    Image.fromarray(samples).save(buffer, "JPEG", quality=60, optimize=True)
    jpeg = np.asarray(Image.open(buffer))
    found = api.compress(samples, codec=codec, target_psnr=psnr(samples, jpeg))
    assert len(found) < 0.7 * len(buffer.getvalue())


def test_the_picture_does_not_depend_on_threads_or_batch(codec):
    x = torch.from_numpy(np.stack([scene(seed=seed) for seed in range(3)])).permute(0, 3, 1, 2) / 255
    out, threads = codec.compress(x, 45.0), torch.get_num_threads()
    whole = codec.decompress(out.strings, out.shape, 45.0).x_hat
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            for number, string in enumerate(out.strings[0]):
                alone = codec.decompress([[string]], out.shape, 45.0).x_hat
                assert (alone[0] - whole[number]).abs().max() < 1e-5
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("quality", [25, 45, 65])
def test_the_same_step_again_loses_next_to_nothing(codec, quality):
    samples = scene()
    first, _ = through_a_file(codec, samples, quality=quality)
    again = first
    for _ in range(10):
        again, _ = through_a_file(codec, again, quality=quality)
    assert psnr(samples, again) > psnr(samples, first) - 0.05


def test_forward_tells_the_bits_of_the_file(codec):
    x = torch.from_numpy(scene()).permute(2, 0, 1)[None] / 255
    out = codec(x, 50.0)
    bits = float(-out.likelihoods["y"].log2().sum())
    assert bits == pytest.approx(8 * len(codec.compress(x, 50.0).strings[0][0]), rel=1e-3)
    assert out.x_hat.shape == x.shape


def test_damage_is_a_typed_error(codec):
    file = codec.pack(Signal("image", scene(40, 40)))
    data = container.pack(file)
    for position in range(0, len(data), 7):
        damaged = bytes([*data[:position], data[position] ^ 16, *data[position + 1 :]])
        with pytest.raises(TinifyError):
            api.decompress(damaged)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(NAMES), st.binary(max_size=80), st.integers(1, 60), st.integers(1, 60))
def test_any_string_is_a_typed_error(name, data, height, width):
    with pytest.raises(TinifyError):
        api.load(name).decompress([[data]], (height, width), 50.0)


def test_what_cannot_be_is_refused(codec):
    with pytest.raises(ConfigError, match="levels"):
        type(codec)(levels=0)
    with pytest.raises(InputError, match="0 to 100"):
        codec.level_of(101)
    with pytest.raises(FormatError, match="streams"):
        codec.decompress([], (4, 4), 50.0)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (33, 2), (17, 31), (120, 160)])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_without_loss_every_sample_comes_back(codec, size, channels):
    samples = np.random.default_rng(0).integers(0, 256, (*size, channels)).astype(np.uint8)
    restored, data = through_a_file(codec, samples, lossless=True)
    assert np.array_equal(restored, samples)
    assert len(data) < 1.25 * samples.size + 200  # noise


def test_without_loss_photos_are_smaller_than_as_png_and_about_as_small_as_webp(codec):
    samples = scene(256, 256)
    found = len(api.compress(samples, codec=codec, lossless=True))
    assert np.array_equal(api.decompress(api.compress(samples, codec=codec, lossless=True)), samples)
    for most, format_, options in ((1.0, "PNG", {"optimize": True}), (1.05, "WEBP", {"lossless": True, "method": 6})):
        buffer = io.BytesIO()
        Image.fromarray(samples).save(buffer, format_, **options)
        assert found < most * buffer.tell()


def test_lossless_is_for_codecs_that_have_it_and_without_a_quality(codec):
    with pytest.raises(ConfigError, match="without a quality"):
        codec.pack(Signal("image", scene()), quality=50, lossless=True)
    with pytest.raises(ConfigError, match="keeps no error bound"):
        api.compress(scene(40, 40), codec="photo-hyperprior", lossless=True)
    with pytest.raises(ConfigError, match="0 to 127, absolute"):
        api.compress(scene(40, 40), codec=codec, max_error=0.01, max_error_of="range")


def test_damage_without_loss_is_a_typed_error(codec):
    data = container.pack(codec.pack(Signal("image", scene(24, 24)), lossless=True))
    for position in range(0, len(data), 11):
        with pytest.raises(TinifyError):
            api.decompress(bytes([*data[:position], data[position] ^ 16, *data[position + 1 :]]))
