# SPDX-License-Identifier: Apache-2.0
import sys

import numpy as np
import pytest

from tinify.errors import InputError, MissingExtraError
from tinify.evaluation.quantize_pcodec import decode, encode, encode_to_nrmse
from tinify.metrics.nrmse import nrmse

pytest.importorskip("pcodec")


def wave(channels: int = 2) -> np.ndarray:
    time = np.arange(600)[:, None]
    return np.sin(time / (11 + 7 * np.arange(channels))) * (1 + np.arange(channels))


def test_no_sample_is_off_by_more_than_half_a_step():
    restored = decode(encode(wave(), 0.1))
    assert restored.shape == (600, 2)
    assert np.abs(restored - wave()).max() <= 0.05 + 1e-12


def test_integers_survive_a_step_of_one():
    series = np.arange(-500, 500, dtype=np.int32)[:, None] ** 3
    assert np.array_equal(decode(encode(series, 1.0)), series)


def test_error_comes_close_to_what_was_asked_and_never_above():
    error = nrmse(wave(), decode(encode_to_nrmse(wave(), 0.1)))
    assert 0.05 < error <= 0.1


def test_looser_error_costs_less():
    assert len(encode_to_nrmse(wave(), 0.2)) < len(encode_to_nrmse(wave(), 0.02))


def test_integers_without_loss_are_found():
    series = np.random.default_rng(0).integers(-90, 90, (300, 1))
    assert np.array_equal(decode(encode_to_nrmse(series, 0.0)), series)


def test_series_with_gaps_is_refused():
    with pytest.raises(InputError, match="gaps"):
        encode(np.array([[1.0], [np.nan]]), 0.1)


def test_without_pcodec_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pcodec", None)
    with pytest.raises(MissingExtraError, match=r"tinify-codec\[demo\]"):
        encode(wave(), 0.1)
