# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from tinify.data.series import SeriesSet
from tinify.evaluation.downstream import (
    decoded_pieces,
    fit_ridge,
    forecast_errors,
    logistic_regression,
    motion_accuracy,
    window_statistics,
)
from tinify.models.series import Tokenizer


def waves(rows, channels=2, seed=0):
    random, t = np.random.default_rng(seed), np.arange(rows)[:, None]
    return np.sin(t / random.uniform(4, 8, channels)) + 0.1 * random.normal(size=(rows, channels))


def series_set(pieces, labels=None):
    channels = pieces[0].shape[1]
    return SeriesSet("waves", pieces, np.zeros(channels), np.ones(channels), labels)


@pytest.fixture(scope="module")
def codec():
    torch.manual_seed(0)
    codec = Tokenizer(patch=8, stages=4, codebook_size=32, width=8).train()
    x = torch.from_numpy(waves(8000, 4).T.astype(np.float32).copy())[None]
    with torch.no_grad():
        codec(x, stages=4)
    codec.name = "tokenizer"
    return codec.eval()


def test_logistic_regression_separates_what_can_be_separated():
    random = torch.Generator().manual_seed(0)
    x = torch.randn(300, 5, generator=random)
    labels = (x[:, 1] - x[:, 3] > 0).long() + 2 * (x[:, 0] > 0).long()
    predict = logistic_regression(x, labels, decay=1e-4)
    assert (predict(x) == labels).float().mean() > 0.95


def test_window_statistics_see_level_spread_and_speed():
    slow, fast = torch.sin(torch.arange(64) / 20), torch.sin(torch.arange(64) / 2.0)
    features = window_statistics(torch.stack([slow, fast, slow + 1])[:, None])
    assert features.shape == (3, 6)
    level, _, spread, speed, least, most = features.t()
    assert level[2] - level[0] == pytest.approx(1.0, abs=1e-4)
    assert spread[2] == pytest.approx(spread[0].item(), abs=1e-4)
    assert speed[1] > speed[0] + 1 and (most > least).all()


def test_motions_are_known_from_tokens_as_from_samples(codec):
    t = np.arange(3000)[:, None]
    pieces = [np.sin(t / speed + np.array([0.0, 1.0])) for speed in (4.0, 12.0)]
    labels = [np.full(3000, number, np.int8) for number in range(2)]
    found = motion_accuracy(codec, series_set(pieces, labels), series_set(pieces, labels), 80, rows=64)
    assert found["raw"] == found["raw_all"] == 1.0 and found["tokens"] > 0.95 and 0 < found["bits_per_value"] < 4


def test_windows_at_rest_count_in_the_accuracy_of_all_alone(codec):
    t = np.arange(2000)[:, None]
    pieces = [np.sin(t / speed) * (t > 1000) for speed in (4.0, 12.0)]
    labels = [np.full(2000, number, np.int8) for number in range(2)]
    found = motion_accuracy(codec, series_set(pieces, labels), series_set(pieces, labels), 80, rows=64)
    assert found["raw"] == 1.0 and 0.6 < found["raw_all"] < 0.9


def test_ridge_finds_a_rule_and_targets_are_what_comes_after():
    rule = np.random.default_rng(0).normal(size=(2000, 1)).cumsum(axis=0)
    weights = fit_ridge([rule], [rule], penalty=1e-9)
    assert weights.shape == (96, 24)
    assert weights[-1, 0] == pytest.approx(1.0, abs=0.15)  # a random walk stays where it was
    ahead = np.zeros((2000, 1))
    ahead[7:] = rule[:-7]
    assert fit_ridge([rule], [ahead], penalty=1e-9)[-7 + 0, 0] == pytest.approx(1.0, abs=0.05)


def test_forecasts_suffer_from_coarse_coding_and_less_so_when_refitted(codec):
    train, test = series_set([waves(3000)]), series_set([waves(1500, seed=0)])
    coarse, fine = (forecast_errors(codec, train, test, quality) for quality in (0, 100))
    assert coarse["raw"] == fine["raw"] < 0.2
    assert coarse["tfe"] > fine["tfe"] > -0.05 and coarse["nrmse"] > fine["nrmse"]
    assert coarse["tfe"] == pytest.approx(coarse["decoded"] / coarse["raw"] - 1)
    assert coarse["tfe_refitted"] < coarse["tfe"]
    assert coarse["tfe_alone"] > fine["tfe_alone"] > -0.05


def test_sizes_are_those_of_the_files(codec):
    pieces, size = decoded_pieces(codec, [waves(640), waves(320)], 50)
    assert [piece.shape for piece in pieces] == [(640, 2), (320, 2)] and 50 < size < 960 * 2 * 4
