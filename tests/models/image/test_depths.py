# SPDX-License-Identifier: Apache-2.0
"""Pictures of 16 bits and of floats go in and come back as such, with as little loss as those of 8 bits."""

from dataclasses import replace

import numpy as np
import pytest

from tests.models.image.scenes import scene
from tinify import api, container
from tinify.container import ALPHA, Section
from tinify.errors import ConfigError, FormatError, InputError

CODECS = ["photo-fast", "photo-best", "photo-hyperprior", "jpeg-like", "jpeg2000-like"]
LOSSLESS = ["photo-fast", "photo-best", "jpeg2000-like"]


def deep(height=70, width=90, channels=3, seed=0):
    """A scene whose lower eight bits are noise; alpha is a slope."""
    shape = (height, width, 3)
    x = scene(height, width, seed) * np.uint16(256) + np.random.default_rng(seed).integers(0, 256, shape, np.uint16)
    x = x[..., : 1 if channels < 3 else 3]
    alpha = np.add.outer(np.arange(height) * 700, np.arange(width) * 90).astype(np.uint16)[..., None]
    return np.concatenate([x, alpha], axis=2) if channels in (2, 4) else x


def psnr(x, y, peak):
    return 10 * np.log10(peak**2 / np.mean((x.astype(float) - y) ** 2))


@pytest.mark.parametrize("tile", [0, 48])
@pytest.mark.parametrize("name", CODECS)
def test_sixteen_bits_and_floats_lose_what_eight_bits_lose(name, tile):
    x = deep()
    shallow, floats = (x >> 8).astype(np.uint8), (x / 65535).astype(np.float32)
    files = [api.compress(samples, name, 45, tile=tile) for samples in (shallow, x, floats)]
    found = [api.decompress(data) for data in files]
    assert [back.dtype for back in found] == [np.uint8, np.uint16, np.float32]
    loss = [psnr(*pair, peak) for *pair, peak in zip((shallow, x, floats), found, (255, 65535, 1), strict=True)]
    assert np.ptp(loss) < 0.3 and np.ptp([len(data) for data in files]) < 0.03 * len(files[0])
    assert len(np.unique(found[1] & 255)) > 100  # restored at its depth, not at 8 bits


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", LOSSLESS)
def test_every_bit_of_sixteen_comes_back_where_that_is_asked(name, channels):
    for x in (deep(channels=channels), np.random.default_rng(0).integers(0, 2, (9, 11, channels), np.uint16) * 65535):
        assert np.array_equal(api.decompress(api.compress(x, name, lossless=True)), x)
        assert np.array_equal(api.decompress(api.compress(x, name, lossless=True, tile=16)), x)


@pytest.mark.parametrize("name", LOSSLESS)
def test_an_error_bound_counts_in_steps_of_the_depth(name):
    x = deep()
    data = api.compress(x, name, max_error=100)
    assert np.abs(api.decompress(data).astype(int) - x).max() <= 100
    assert len(data) < 0.5 * len(api.compress(x, name, lossless=True))


@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize("name", ["photo-fast", "jpeg-like"])
def test_alpha_of_sixteen_bits_comes_back_exactly(name, channels):
    x = deep(channels=channels)
    assert np.array_equal(api.decompress(api.compress(x, name))[..., -1], x[..., -1])
    x[..., -1] = 65535
    data = api.compress(x, name)
    assert container.unpack(data).find(ALPHA) == b"\xff\xff"
    assert (api.decompress(data)[..., -1] == 65535).all()


def test_alpha_of_sixteen_bits_at_a_part_of_the_size_is_its_mean():
    x = deep(channels=4)
    alpha = api.decompress(api.compress(x, "jpeg2000-like"), scale=4)[..., 3]
    assert alpha.shape == (18, 23) and alpha[3, 5] == round(float(x[12:16, 20:24, 3].mean()))


def test_a_small_picture_keeps_the_depth():
    small = api.decompress(api.compress(deep(), "jpeg2000-like", 60), scale=2)
    assert small.dtype == np.uint16 and small.shape == (35, 45, 3) and small.max() > 255
    small = api.decompress(api.compress(deep(), "jpeg2000-like", lossless=True), scale=2)
    assert small.dtype == np.uint16 and small.max() > 255


def test_targets_count_in_the_range_of_the_depth():
    x = deep()
    assert psnr(x, api.decompress(api.compress(x, "photo-fast", target_psnr=36)), 65535) >= 36
    assert 8 * len(api.compress(x, "photo-fast", target_bpp=1.5)) <= 1.5 * 70 * 90


@pytest.mark.parametrize(
    ("x", "match"),
    [(np.full((4, 5, 3), 1.5, np.float32), "in \\[0, 1\\]"), (np.full((4, 5, 3), np.nan, np.float32), "in \\[0, 1\\]"),
     (np.zeros((4, 5, 4), np.float32), "alpha"), (np.zeros((4, 5, 3), np.float64), "float32"),
     (np.zeros((4, 5, 3), np.int32), "uint16")],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_what_can(x, match):
    with pytest.raises(InputError, match=match):
        api.compress(x, "photo-fast")


def test_floats_have_no_error_bound():
    for options in ({"lossless": True}, {"max_error": 1}):
        with pytest.raises(ConfigError, match="floats"):
            api.compress(np.zeros((4, 5, 3), np.float32), "photo-fast", **options)


@pytest.mark.parametrize("dtype", ["uint16", "float32", "int8", "float64"])
@pytest.mark.parametrize("channels", [3, 4])
def test_another_dtype_in_the_head_is_a_format_error_or_a_picture_of_it(dtype, channels):
    codec = api.load("photo-fast")
    x = deep(channels=channels)
    file = replace(container.unpack(api.compress((x >> 8).astype(np.uint8), codec)), dtype=dtype)
    try:
        assert codec.unpack(file).samples.dtype == dtype
    except FormatError:
        assert dtype in ("int8", "float64") or channels == 4
    else:
        assert dtype in ("uint16", "float32") and channels == 3


def test_a_lossless_file_of_sixteen_bits_that_says_eight_is_a_format_error():
    codec = api.load("photo-fast")
    file = replace(container.unpack(api.compress(deep(), codec, lossless=True)), dtype="uint8")
    with pytest.raises(FormatError, match="beyond 0 to 255"):
        codec.unpack(file)


def test_alpha_of_another_depth_is_a_format_error():
    codec = api.load("photo-fast")
    file = container.unpack(api.compress(deep(channels=4), codec))
    shallow = container.unpack(api.compress((deep(channels=4) >> 8).astype(np.uint8), codec)).find(ALPHA)
    sections = tuple(Section(ALPHA, shallow) if part.kind == ALPHA else part for part in file.sections)
    with pytest.raises(FormatError, match="alpha"):
        codec.unpack(replace(file, sections=sections))
