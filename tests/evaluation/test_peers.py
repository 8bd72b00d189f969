# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from tinify.errors import InputError, MissingExtraError
from tinify.evaluation.peers import PEERS, base
from tinify.metrics.psnr import psnr

from .pictures import photo

MODERN = ("jpegxl", "htj2k", "x265")


@pytest.fixture(params=MODERN)
def peer(request):
    reason = PEERS[request.param].missing()
    if reason:
        pytest.skip(reason)
    return PEERS[request.param]


def test_better_quality_costs_more_and_comes_closer(peer):
    picture = photo(72, 90)
    files = [peer.encode(picture, quality) for quality in peer.qualities[1::3]]
    distances = [psnr(picture, peer.decode(data)) for data in files]
    assert sorted(map(len, files)) == [len(data) for data in files]
    assert sorted(distances) == distances
    assert distances[0] > 15


def test_the_finest_setting_is_hard_to_tell_apart(peer):
    picture = photo(64, 80)
    restored = peer.decode(peer.encode(picture, peer.grid[-1]))
    assert restored.dtype == np.uint8
    assert psnr(picture, restored) > 38


def test_settings_of_a_curve_are_in_the_grid_of_the_search(peer):
    assert set(peer.qualities) <= set(peer.grid)


def test_other_pictures_are_refused(peer):
    with pytest.raises(InputError, match="uint8"):
        peer.encode(np.zeros((4, 4), np.uint8), 20)


def test_a_peer_that_is_not_installed_says_what_to_install(monkeypatch):
    monkeypatch.setattr(base, "find_spec", lambda name: None)
    assert "tinify-codec[peers]" in PEERS["x265"].missing()
    with pytest.raises(MissingExtraError, match="imagecodecs"):
        PEERS["jpegxl"].encode(photo(16, 16), 50)
