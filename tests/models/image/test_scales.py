# SPDX-License-Identifier: Apache-2.0
"""Pictures at a part of their size, from the beginning of a file; and within an error bound."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.models.image.scenes import scene
from tinify import api, container
from tinify.errors import ConfigError, FormatError, InputError, TinifyError
from tinify.models.image.files import MOST_ERROR
from tinify.signal import Signal

CODEC = "jpeg2000-like"
RATES = [{"quality": 45}, {"lossless": True}, {"max_error": 2}]
SIZES = [(1, 1), (1, 40), (33, 2), (101, 130)]


def beginning(data: bytes, scale: int) -> bytes:
    """As much of a file as this scale needs."""
    payload = container.unpack(data).require(container.PAYLOAD)
    streams = container.unpack_first_strings(payload)
    needed = len(streams) - (scale.bit_length() - 1)
    return data[: -4 - sum(len(stream) for (stream,) in streams[needed:])]


def shades(height: int, width: int) -> np.ndarray:
    """A picture so smooth that every so many of its samples are a small one."""
    y, x = np.mgrid[:height, :width]
    waves = np.stack([np.sin(x / 60), np.cos(y / 70 + x / 90), np.sin(y / 50)], axis=-1)
    return (128 + 90 * waves).astype(np.uint8)


@pytest.mark.parametrize("options", RATES, ids=str)
@pytest.mark.parametrize("scale", [2, 4, 8, 16, 32])
def test_a_picture_comes_at_a_part_of_its_size(options, scale):
    samples = shades(201, 330)
    found = api.decompress(api.compress(samples, codec=CODEC, **options), scale=scale)
    expected = samples[::scale, ::scale]
    assert found.shape == expected.shape and found.dtype == np.uint8
    # Integers of the wavelet are rounded at each level, to multiples of a step within a bound.
    assert np.abs(found.astype(int) - expected).mean() < (1 + scale / 8) * (5 if "max_error" in options else 1)


@pytest.mark.parametrize("options", RATES, ids=str)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_the_beginning_of_a_file_is_enough(options, size, channels):
    samples = scene(*size)[..., [0, 1, 2, 0]][..., [[0], [0, 3], [0, 1, 2], [0, 1, 2, 3]][channels - 1]]
    data = api.compress(samples, codec=CODEC, **options)
    for scale in (2, 8, 32):
        start = beginning(data, scale)
        assert len(start) < len(data)
        found = api.decompress(start, scale=scale)
        assert found.shape == (*(-(-side // scale) for side in size), channels)
        assert np.array_equal(found, api.decompress(data, scale=scale))


def test_a_file_that_is_cut_says_what_it_holds():
    data = api.compress(scene(101, 130), codec=CODEC, quality=45)
    with pytest.raises(FormatError, match="it holds 1/8 of its size, not 1/4"):
        api.decompress(beginning(data, 4)[:-1], scale=4)
    assert api.decompress(beginning(data, 4)[:-1], scale=8).shape == (13, 17, 3)
    with pytest.raises(FormatError, match="cut off"):
        api.decompress(beginning(data, 4))
    with pytest.raises(FormatError, match="first stream"):
        api.decompress(beginning(data, 32)[:-1], scale=32)


def test_metadata_come_with_the_small_picture():
    signal = Signal("image", scene(40, 40), {"icc": b"profile"})
    data = container.pack(api.load(CODEC).pack(signal))
    assert api.decompress_signal(beginning(data, 16), scale=16).metadata == {"icc": b"profile"}


@pytest.mark.parametrize("scale", [2, 8])
def test_damage_to_the_beginning_is_noticed_or_does_no_harm(scale):
    data = api.compress(scene(40, 56), codec=CODEC, quality=45)
    start, expected = beginning(data, scale), api.decompress(data, scale=scale)
    for position in range(8 * len(start)):
        damaged = bytearray(start)
        damaged[position // 8] ^= 1 << position % 8
        try:
            found = api.decompress(bytes(damaged), scale=scale)
        except TinifyError:
            continue
        assert np.array_equal(found, expected), f"bit {position}"


@pytest.mark.parametrize("scale", [0, 3, -2, 64, 2.0])
def test_other_scales_are_refused(scale):
    data = api.compress(scene(40, 40), codec=CODEC)
    with pytest.raises(InputError, match="powers of two up to 32"):
        api.decompress(data, scale=scale)


def test_codecs_of_whole_pictures_say_so():
    data = api.compress(scene(40, 40), codec="photo-best", quality=40)
    with pytest.raises(InputError, match="'photo-best' decodes at 1"):
        api.decompress(data, scale=2)


@pytest.mark.parametrize("codec", [CODEC, "photo-best", "photo-fast"])
@pytest.mark.parametrize("error", [0, 1, 3, 20, MOST_ERROR])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_no_sample_is_further_off_than_the_bound(codec, error, channels):
    samples = np.random.default_rng(0).integers(0, 256, (31, 23, channels)).astype(np.uint8)
    found = api.decompress(api.compress(samples, codec=codec, max_error=error))
    apart = np.abs(found.astype(int) - samples)
    assert apart.max() <= error
    if channels == 4:
        assert not apart[..., 3].any()


def test_a_bound_costs_less_the_wider_it_is():
    sizes = [len(api.compress(scene(), codec=CODEC, max_error=error)) for error in (0, 1, 2, 4, 8)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[1] < 0.8 * sizes[0]
    assert sizes[0] == len(api.compress(scene(), codec=CODEC, lossless=True))


@pytest.mark.parametrize(
    "options", [{"max_error": 128}, {"max_error": -1}, {"max_error": 1, "lossless": True},
                {"max_error": 1, "quality": 5}, {"max_error": 0.1, "max_error_of": "sigma"}],
)  # fmt: skip
def test_bounds_that_make_no_sense_are_refused(options):
    with pytest.raises(ConfigError):
        api.compress(scene(40, 40), codec=CODEC, **options)


def test_without_loss_it_is_smaller_than_png():
    samples, buffer = scene(256, 256), io.BytesIO()
    Image.fromarray(samples).save(buffer, "PNG", optimize=True)
    data = api.compress(samples, codec=CODEC, lossless=True)
    assert len(data) < buffer.tell()
    assert np.array_equal(api.decompress(data), samples)
