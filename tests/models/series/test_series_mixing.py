# SPDX-License-Identifier: Apache-2.0
"""The codec of a grid or block cosine transforms under context mixing."""

import numpy as np
import pytest
import torch

from tinify import container
from tinify.errors import ConfigError, FormatError, InputError
from tinify.models.series.series_mixing import GRID, SeriesMixing
from tinify.signal import Signal
from tinify.training import predictions
from tinify.training.mixing import MixingOptions, learn


def smooth(rows=2000, channels=3):
    t = np.arange(rows)[:, None] / 40
    return (np.sin(t * (1 + np.arange(channels))) * (1 + np.arange(channels))).astype(np.float32)


def steps(rows=2000, channels=2, seed=0):
    random = np.random.default_rng(seed)
    return (random.random((rows, channels)) < 0.02).cumsum(axis=0).astype(np.float32)


def codec(**options):
    made = SeriesMixing(**options).eval()
    made.name = "series-mixing"
    return made


def there_and_back(made, x, **options):
    data = container.pack(made.pack(Signal("series", x), **options))
    return data, made.unpack(container.unpack(data)).samples


@pytest.mark.parametrize("quality", [0, 30, 60, 90])
def test_finer_quality_comes_nearer(quality):
    x = smooth()
    _, y = there_and_back(codec(), x, quality=quality)
    assert np.sqrt(np.mean(((x - y) / x.std(axis=0)) ** 2)) < 1.05 * codec().step_of(quality)[1]


def test_smooth_series_take_blocks_and_stepwise_ones_the_grid():
    made = codec()
    assert made.plan(smooth() / smooth().std(axis=0), 0.1).way != GRID
    assert made.plan(steps() / steps().std(axis=0), 0.01).way == GRID


def test_channels_that_move_together_are_mixed():
    x = smooth(channels=1) @ np.ones((1, 4), np.float32) + 0.01 * np.random.default_rng(0).normal(size=(2000, 4))
    assert codec().plan(x.astype(np.float32), 0.1).mixing is not None


@pytest.mark.parametrize("channels", [1, 4, 20])
def test_every_number_of_channels_comes_back(channels):
    x = smooth(600, channels) + np.random.default_rng(0).normal(size=(600, channels)).astype(np.float32) / 20
    data, y = there_and_back(codec(), x, quality=60)
    assert y.shape == x.shape and len(data) < x.nbytes / 3
    assert np.abs(x - y).max() < 0.5 * x.std(axis=0).max()


def test_the_estimate_of_a_plan_is_near_the_bytes():
    made, x = codec(), steps(8000, 1)
    z = x / x.std(axis=0)
    params, strings = made.encode_series(z, 60)
    written = 8 * sum(len(part) for string in strings for part in string)
    error = 6 / np.log(2) * np.square((made.decode_series(params, strings, *z.shape) - z) / made.step_of(60)[1]).sum()
    assert made.plan(z, made.step_of(60)[1]).cost == pytest.approx(written + error, rel=0.1)


def fitted(x, **options):
    made = codec(channels=x.shape[1], features=predictions.count(x.shape[1]), **options)
    made.fitted.offset.copy_(torch.from_numpy(x.mean(axis=0)))
    made.fitted.scale.copy_(torch.from_numpy(x.std(axis=0)))
    z = ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32)
    learn(made, [[z]], MixingOptions(rates=4, values=4000), 0, lambda entry: None)
    return made


def test_a_fitted_codec_writes_less_and_needs_its_channels():
    x = (smooth(4000) + np.random.default_rng(0).normal(size=(4000, 3)) / 10).astype(np.float32)
    made = fitted(x)
    data, y = there_and_back(made, x[:400], quality=50)
    assert len(data) < 0.9 * len(there_and_back(codec(), x[:400], quality=50)[0])
    assert np.abs(x[:400] - y).max() < 1
    with pytest.raises(InputError, match="2 channels and the codec was fitted to 3"):
        made.pack(Signal("series", x[:, :2]))


def test_a_fitted_codec_comes_back_from_its_state_dict():
    x = smooth(2000)
    made = fitted(x)
    fresh = codec(channels=3, features=predictions.count(3))
    fresh.load_state_dict(made.state_dict())
    assert fresh.fingerprint() == made.fingerprint()
    data, y = there_and_back(made, x, quality=80)
    assert np.array_equal(fresh.unpack(container.unpack(data)).samples, y)


@pytest.mark.parametrize("params", [b"", b"\0", b"\0\0\7", b"\0\0\5", b"\0\0\x41", b"\0\0\x01rotation"])
def test_params_that_do_not_fit_are_a_format_error(params):
    made, z = codec(), smooth() / 3
    _, strings = made.encode_series(z, 50)
    with pytest.raises(FormatError):
        made.decode_series(params, strings, *z.shape)


@pytest.mark.parametrize("blocks", [[], [4], [16, 16], list(range(8, 16))])
def test_impossible_blocks_are_named(blocks):
    with pytest.raises(ConfigError, match="blocks"):
        SeriesMixing(blocks=blocks)


def test_tensors_go_through_as_one_series():
    x = torch.from_numpy(smooth(500).T[None].copy())
    out = codec().compress(x, 80)
    assert torch.allclose(codec().decompress(out.strings, out.shape).x_hat, x, atol=0.1)
    assert 0 < codec()(x, 80).likelihoods["y"].min() <= 1
