# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from tinify.errors import ConfigError, InputError
from tinify.evaluation.peers import PEERS
from tinify.evaluation.setting import Bound


@pytest.fixture(params=["sz3", "zfp", "pcodec"])
def peer(request):
    reason = PEERS[request.param].missing()
    if reason:
        pytest.skip(reason)
    return PEERS[request.param]


def walk(kind: str) -> np.ndarray:
    return (np.cumsum(np.random.default_rng(1).normal(size=(900, 3)), axis=0) * [1, 10, 100]).astype(kind)


@pytest.mark.parametrize("kind", ["float32", "float64", "int32"])
def test_no_number_is_further_off_than_its_channels_bound(peer, kind):
    x = walk(kind)
    y = peer.decode(peer.encode(x, Bound(0.01, "range"))).astype(np.float64)
    assert y.shape == x.shape
    eps = 0.01 * np.ptp(x.astype(np.float64), axis=0)
    assert (np.abs(y - x).max(axis=0) <= eps * (1 + 1e-6)).all()


def test_a_tighter_bound_costs_more(peer):
    sizes = [len(peer.encode(walk("float32"), bound)) for bound in peer.settings[:4]]
    assert sizes == sorted(sizes) and sizes[0] < sizes[-1]


def test_a_quality_is_no_setting(peer):
    with pytest.raises(ConfigError, match="error bounds"):
        peer.encode(walk("float32"), 30.0)


def test_gaps_are_refused(peer):
    x = walk("float32")
    x[5, 1] = np.nan
    with pytest.raises(InputError, match="gaps"):
        peer.encode(x, Bound(0.5))
