# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from tinify.errors import InputError
from tinify.metrics.nrmse import nrmse


def test_unit_is_the_spread_of_each_channel():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1000, 2)) * np.array([1, 1000])
    error = 0.1 * x.std(axis=0)
    assert nrmse(x, x + error) == pytest.approx(0.1)


def test_mean_of_each_channel_as_answer_gives_one():
    x = np.random.default_rng(1).normal(size=(500, 3)) + 7
    assert nrmse(x, np.broadcast_to(x.mean(axis=0), x.shape)) == pytest.approx(1.0)


def test_given_scale_replaces_the_spread():
    x = np.zeros((10, 2))
    assert nrmse(x, x + np.array([1.0, 4.0]), scale=[2.0, 8.0]) == pytest.approx(0.5)


def test_gaps_are_left_out():
    x = np.array([0.0, 2.0, np.nan, 0.0, 2.0])
    assert nrmse(x, x + 0.5) == pytest.approx(0.5)


def test_gap_filled_by_the_codec_is_an_error():
    with pytest.raises(InputError, match="1 samples are gaps"):
        nrmse(np.array([1.0, np.nan]), np.array([1.0, 2.0]))


def test_constant_channel_restored_exactly_costs_nothing():
    x = np.stack([np.full(50, 0.1), np.arange(50.0)], axis=1)
    assert nrmse(x, x) == 0.0


def test_constant_channel_is_measured_in_its_own_unit():
    assert nrmse(np.full(9, 3.0), np.full(9, 3.25)) == pytest.approx(0.25)


def test_integers_do_not_wrap_around():
    assert nrmse(np.array([0, 200], np.uint8), np.array([100, 100], np.uint8)) == pytest.approx(1.0)


@pytest.mark.parametrize("x", [np.zeros((0, 3)), np.full(4, np.nan)])
def test_nothing_to_compare_gives_zero(x):
    assert nrmse(x, x) == 0.0


@pytest.mark.parametrize("scale", [0.0, -1.0, [1.0, 2.0, 3.0], np.nan])
def test_scale_that_means_nothing_is_refused(scale):
    with pytest.raises(InputError, match="scale"):
        nrmse(np.zeros((4, 2)), np.zeros((4, 2)), scale=scale)


def test_picture_is_refused():
    with pytest.raises(InputError, match="needed"):
        nrmse(np.zeros((4, 4, 3)), np.zeros((4, 4, 3)))
