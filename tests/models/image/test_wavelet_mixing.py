# SPDX-License-Identifier: Apache-2.0
"""The wavelet codec of the zoo: real files of any size and rate, exact in its numbers, ahead of JPEG."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tinify import api, container
from tinify.errors import ConfigError, FormatError, InputError, TinifyError
from tinify.models.image.rate_choice import activities, choose
from tinify.models.image.wavelet_mixing import WaveletMixing
from tinify.quantizers.deadzone import DeadZone
from tinify.quantizers.rdoq import Rdoq
from tinify.signal import Signal
from tinify.transforms.lifting import subbands


def scene(height=120, width=160, seed=0) -> np.ndarray:
    """Smooth shades, edges and a little noise in colour, uint8 (H, W, 3)."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / 20
    base = 110 + 60 * np.sin(x + np.cos(y)) + 50 * (np.hypot(x - 3, y - 3) < 1.5) - 40 * (x + y > 8)
    colour = np.stack([base, 0.8 * base + 20, 0.5 * base + 10 * np.sin(3 * y)], axis=-1)
    return np.clip(colour + 2 * random.normal(size=colour.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def codec() -> WaveletMixing:
    return api.load("photo-best")


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


def test_the_same_step_again_loses_next_to_nothing(codec):
    samples = scene()
    first, _ = through_a_file(codec, samples, quality=45)
    again = first
    for _ in range(10):
        again, _ = through_a_file(codec, again, quality=45)
    assert psnr(samples, again) > psnr(samples, first) - 0.5


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
@given(st.binary(max_size=80), st.integers(1, 60), st.integers(1, 60))
def test_any_string_is_a_typed_error(data, height, width):
    with pytest.raises(TinifyError):
        api.load("photo-best").decompress([[data]], (height, width), 50.0)


def test_what_cannot_be_is_refused(codec):
    with pytest.raises(ConfigError, match="levels"):
        WaveletMixing(levels=0)
    with pytest.raises(InputError, match="0 to 100"):
        codec.level_of(101)
    with pytest.raises(FormatError, match="streams"):
        codec.decompress([], (4, 4), 50.0)


def test_bits_weighed_cost_less_for_as_much_error():
    y = WaveletMixing(levels=3).analysis(torch.from_numpy(scene()).permute(2, 0, 1)[None] / 255)[0]
    codec, step = WaveletMixing(levels=3), torch.tensor(12.0)
    results = []
    for q, quantizer in ((choose(Rdoq(DeadZone(threshold=0.5)), y, step, 3), DeadZone()),
                         (DeadZone(threshold=0.5).quantize(y, step), DeadZone())):  # fmt: skip
        error = float((quantizer.dequantize(q, step) - y).square().mean())
        results.append((codec.entropy_model.cost(q.numpy(), 3), error))
    (chosen, chosen_error), (rounded, rounded_error) = results
    assert chosen < 0.85 * rounded and chosen_error < 1.5 * rounded_error


def test_activities_count_neighbours_parents_and_components_within_their_level():
    q = torch.zeros(3, 16, 16, dtype=torch.int32)
    q[0, 2, 6], q[1, 2, 12] = 3, -2  # in HL of level 2, and in HL of level 1 of the second component
    rows = activities(q, 2)
    bands = {(band.level, band.kind): band for band in subbands(16, 16, 2)}
    assert rows[0, 2, 7] == 2 * 41 + 6 and rows[0, 1, 5] == 2 * 41 + 3  # beside, across
    assert rows[0, 4, 12] == 41 + 6  # below its parent
    assert rows[2, 2, 12] == 41 + 2  # under the second component: 2 times the mean of 0 and 2
    assert (rows[0][bands[1, "HH"].where] == 41).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (33, 2), (17, 31), (120, 160)])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_without_loss_every_sample_comes_back(codec, size, channels):
    samples = np.random.default_rng(0).integers(0, 256, (*size, channels)).astype(np.uint8)
    restored, data = through_a_file(codec, samples, lossless=True)
    assert np.array_equal(restored, samples)
    assert len(data) < 1.1 * samples.size + 200  # noise


def test_without_loss_photos_are_smaller_than_as_png_or_webp(codec):
    samples = scene(256, 256)
    found = len(api.compress(samples, lossless=True))
    assert np.array_equal(api.decompress(api.compress(samples, lossless=True)), samples)
    for format_, options in (("PNG", {"optimize": True}), ("WEBP", {"lossless": True, "method": 6})):
        buffer = io.BytesIO()
        Image.fromarray(samples).save(buffer, format_, **options)
        assert found < buffer.tell()


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
