# SPDX-License-Identifier: Apache-2.0
"""Where the bits went: the parts sum to the file, and places with detail take more than flat ones."""

import numpy as np
import pytest

import tinify
from tinify.demo.places import BLOCK, blocks_of, places_of
from tinify.demo.shelf import Given
from tinify.signal import Signal


@pytest.fixture(scope="module")
def half_flat():
    """A picture (80, 100) whose left half is grey and whose right half is noise."""
    pixels = np.full((80, 100, 3), 120, np.uint8)
    pixels[:, 50:] = np.random.default_rng(0).integers(0, 255, (80, 50, 3))
    return Given("half.png", 1, Signal("image", pixels))


def places(given, name, quality=60):
    codec = tinify.load(name)
    data = tinify.api.compress_signal(given.signal, codec, quality)
    return data, places_of(data, codec, given, lambda part: tinify.compress(part, codec, quality=quality))


@pytest.mark.parametrize("name", ["photo-fast", "jpeg2000-like", "photo-best", "photo-hyperprior"])
def test_bits_of_blocks_are_those_of_the_payload_and_lie_where_the_detail_is(half_flat, name):
    _, found = places(half_flat, name)
    payload = dict(found.shares[-1].rows)["payload"]
    assert found.bits.shape == (-(-80 // BLOCK), -(-100 // BLOCK))
    assert abs(found.bits.sum() / 8 - payload) < 0.03 * payload + 12
    assert found.bits[:, 4:].mean() > 5 * found.bits[:, :2].mean()
    for share in found.shares[:-1]:
        assert sum(size for _, size in share.rows) == pytest.approx(found.bits.sum() / 8, rel=1e-3)


@pytest.mark.parametrize("name", ["photo-fast", "jpeg-like", "series-mixing"])
def test_parts_of_the_file_sum_to_its_size(half_flat, name):
    series = Given("s", 1, Signal("series", np.arange(600.0)[:, None]), ("x",))
    data, found = places(series if name == "series-mixing" else half_flat, name)
    assert sum(size for _, size in found.shares[-1].rows) == len(data)


def test_a_codec_that_does_not_say_has_no_blocks(half_flat):
    _, found = places(half_flat, "jpeg-like")
    assert found.bits is None and len(found.shares) == 1


def test_a_channel_of_noise_takes_more_than_one_that_stands():
    random = np.random.default_rng(1)
    samples = np.stack([random.normal(size=500), np.linspace(0, 1, 500)], axis=1)
    _, found = places(Given("s", 1, Signal("series", samples), ("noise", "line")), "series-mixing")
    rows = dict(found.shares[0].rows)
    assert found.shares[0].title == "Channels" and rows["noise"] > 3 * rows["line"]


@pytest.mark.parametrize("cell", [1, 2, 16, 32, 64])
def test_blocks_keep_every_bit(cell):
    size = (70, 100)
    bits = np.random.default_rng(cell).random([-(-length // cell) for length in size])
    blocks = blocks_of(bits, cell, size)
    assert blocks.shape == (5, 7) and blocks.sum() == pytest.approx(bits.sum())
