# SPDX-License-Identifier: Apache-2.0
import io

import numpy as np
import pytest
from PIL import Image, features

from tinify.errors import InputError
from tinify.evaluation.peers import PEERS, encode_to_size
from tinify.metrics.psnr import psnr

from .pictures import photo

FEATURES = {"jpeg": "jpg", "webp": "webp", "jpeg2000": "jpg_2000", "avif": "avif"}


@pytest.fixture(params=list(FEATURES))
def baseline(request):
    if not features.check(FEATURES[request.param]):
        pytest.skip(f"this Pillow has no {request.param}")
    return PEERS[request.param]


def test_better_quality_costs_more_and_comes_closer(baseline):
    picture = photo(120, 136)
    files = [baseline.encode(picture, quality) for quality in baseline.qualities[1::3]]
    distances = [psnr(picture, baseline.decode(data)) for data in files]
    assert sorted(map(len, files)) == [len(data) for data in files]
    assert sorted(distances) == distances
    assert distances[0] > 15


def test_bytes_are_a_file_that_anybody_opens(baseline):
    image = Image.open(io.BytesIO(baseline.encode(photo(40, 50), baseline.qualities[3])))
    assert (image.format.lower(), image.size) == (baseline.name, (50, 40))


def test_settings_of_a_curve_are_in_the_grid_of_the_search(baseline):
    assert set(baseline.qualities) <= set(baseline.grid)


def test_file_for_a_size_is_the_smallest_that_is_not_below_it(baseline):
    picture = photo(96, 96)
    size = len(baseline.encode(picture, baseline.qualities[4]))
    found = encode_to_size(baseline, picture, size)
    assert len(found.data) >= size
    assert len(found.data) <= 1.1 * size


def test_the_nearest_file_may_be_smaller():
    picture = photo(96, 96)
    sizes = [len(PEERS["webp"].encode(picture, quality)) for quality in (39.8, 40, 40.2)]
    found = encode_to_size(PEERS["webp"], picture, sizes[1] + 1, closest=True)
    assert abs(len(found.data) - sizes[1] - 1) <= 0.01 * sizes[1]


@pytest.mark.parametrize("quality", [20, 75])
def test_jpeg_between_two_qualities_has_tables_between_theirs(quality):
    files = [PEERS["jpeg"].encode(photo(64, 64), quality + more) for more in (1, 0.5, 0)]
    finer, own, coarser = (Image.open(io.BytesIO(data)).quantization for data in files)
    assert finer[0] != own[0] != coarser[0]
    for number in (0, 1):
        assert all(a <= b <= c for a, b, c in zip(finer[number], own[number], coarser[number], strict=True))
    assert [len(data) for data in files] == sorted(map(len, files), reverse=True)


def test_size_beyond_reach_gives_the_ends_of_the_grid():
    picture = photo(64, 64)
    assert encode_to_size(PEERS["jpeg"], picture, 1).quality == 1
    assert encode_to_size(PEERS["jpeg"], picture, 10**9).quality == 95


def test_jpeg_is_progressive_with_halved_chroma():
    image = Image.open(io.BytesIO(PEERS["jpeg"].encode(photo(64, 64), 50)))
    assert image.info["progressive"]
    assert [layer[1:3] for layer in image.layer] == [(2, 2), (1, 1), (1, 1)]


@pytest.mark.parametrize("picture", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3))])
def test_other_pictures_are_refused(picture):
    with pytest.raises(InputError, match="uint8"):
        PEERS["jpeg"].encode(picture, 50)
