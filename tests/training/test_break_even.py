# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest

from tinify.models.series.series_mixing import SeriesMixing
from tinify.training import break_even
from tinify.training.break_even import Point, compare
from tinify.training.fit import set_normalisation


def test_rows_are_bytes_against_bits_saved():
    assert Point(60, 0.04, general=2.0, fitted=1.5).rows(1000, channels=4) == 8 * 1000 / (0.5 * 4)
    assert Point(60, 0.04, general=2.0, fitted=1.7).rows(100, channels=1) == math.ceil(800 / (2.0 - 1.7))


@pytest.mark.parametrize("fitted", [2.0, 2.5])
def test_what_saves_nothing_is_never_paid_for(fitted):
    assert Point(60, 0.04, general=2.0, fitted=fitted).rows(1000, 4) == math.inf


def coded_as(monkeypatch, curve):
    """Files measure as `curve` (quality -> bits, error) says; the qualities asked for."""
    asked = []
    monkeypatch.setattr(
        break_even, "_measure", lambda codec, pieces, quality, *_: asked.append(quality) or curve(quality)
    )
    return asked


def test_bits_at_an_error_are_found_along_a_smooth_curve(monkeypatch):
    asked = coded_as(monkeypatch, lambda quality: (0.1 * quality, 2 ** (-quality / 8)))
    assert break_even._bits_at(None, [], 50.0, 2 ** (-56 / 8), None) == pytest.approx(5.6, rel=1e-3)
    assert len(asked) <= 5


def test_bits_at_an_error_that_is_jumped_over_lie_between_both_sides(monkeypatch):
    coded_as(monkeypatch, lambda quality: (1.6, 0.046) if quality < 60.5 else (2.0, 0.038))
    assert 1.6 < break_even._bits_at(None, [], 60.0, 0.042, None) < 2.0


@pytest.mark.parametrize("aim", [0.5, 1e-6])
def test_bits_at_an_error_beyond_all_qualities_are_those_of_the_nearest(monkeypatch, aim):
    asked = coded_as(monkeypatch, lambda quality: (quality / 10, 0.1 * 2 ** (-quality / 8)))
    found = break_even._bits_at(None, [], 50.0, aim, None)
    assert found == (0.0 if aim == 0.5 else 10.0) and min(asked) >= 0 and max(asked) <= 100


def test_two_codecs_that_know_the_same_need_the_same_but_for_offsets():
    x = np.random.default_rng(0).normal(size=(2000, 2)).cumsum(axis=0).astype(np.float32)
    x[10, 0] = np.nan
    general, fitted = SeriesMixing(blocks=(16,)).eval(), SeriesMixing(blocks=(16,), channels=2).eval()
    general.name = fitted.name = "same"
    set_normalisation(fitted, np.nanmean(x, axis=0, dtype=np.float64), np.nanstd(x, axis=0, dtype=np.float64))
    told = []
    points = compare(fitted, general, [x[:1500], x[1500:]], (50.0, 70.0), lambda *stage: told.append(stage))
    assert [point.quality for point in points] == [50, 70] and points[0].nrmse > 2 * points[1].nrmse
    for point in points:
        assert point.fitted < point.general < 1.15 * point.fitted
    assert told == [("held-out rows", 0.0), ("held-out rows", 0.5)]


def test_no_more_is_compared_than_is_said(monkeypatch):
    seen = []
    monkeypatch.setattr(break_even, "MOST_NUMBERS", 600)
    monkeypatch.setattr(break_even, "_measure", lambda codec, pieces, *_: seen.append(pieces) or (1.0, 0.0))
    fitted = SeriesMixing(blocks=(16,), channels=2)
    compare(fitted, None, [np.zeros((500, 2)), np.zeros((50, 2)), np.zeros((0, 2))], (50.0,))
    assert [len(piece) for piece in seen[0]] == [100, 50]
