# SPDX-License-Identifier: Apache-2.0
import pytest

from tinify.errors import InputError
from tinify.evaluation.comparison import compare_curves, compare_runs
from tinify.evaluation.curves import Curve, Point


def curve(name: str, factor: float = 1.0, start: float = 30.0) -> Curve:
    return Curve(name, tuple(Point(factor * 2.0**k, start + 3 * k) for k in range(5)))


def test_mean_curves_are_compared_over_their_common_range():
    found = compare_curves(curve("jpeg"), curve("mine", 0.8, start=31.0))
    assert found.anchor == "jpeg"
    assert found.range_db == (31.0, 42.0)
    assert found.bd_rate_percent < -20
    assert found.bd_db > 1


def test_runs_give_the_mean_of_each_pictures_own_rate():
    anchors = [curve("1"), curve("2")]
    found = compare_runs("jpeg", anchors, [curve("1", 0.5), curve("2", 0.9)])
    assert found.bd_rate_percent == pytest.approx((-50 - 10) / 2)
    assert found.pictures == 2


def test_pictures_without_a_common_range_do_not_count():
    found = compare_runs("jpeg", [curve("1"), curve("2")], [curve("1", 0.5), curve("2", start=90.0)])
    assert (found.bd_rate_percent, found.pictures) == (pytest.approx(-50), 1)


def test_runs_over_different_pictures_are_refused():
    with pytest.raises(InputError, match="same pictures"):
        compare_runs("jpeg", [curve("1"), curve("2")], [curve("2"), curve("1")])


def test_runs_without_any_common_range_are_refused():
    with pytest.raises(InputError, match="no picture"):
        compare_runs("jpeg", [curve("1")], [curve("1", start=90.0)])


def test_far_apart_curves_of_one_quality_range_have_a_rate_and_no_decibels():
    found = compare_curves(curve("jpeg"), curve("mine", 1000.0))
    assert found.bd_rate_percent == pytest.approx(99900)
    assert found.bd_db != found.bd_db
