# SPDX-License-Identifier: Apache-2.0
import json
import math

import pytest

from tinify.errors import InputError
from tinify.evaluation.curves import Curve, Point, anchors_file, from_rows, mean_curve, read_curves, to_rows


def test_points_are_ordered_by_rate():
    curve = Curve("a", (Point(2.0, 40.0), Point(1.0, 30.0)))
    assert curve.values() == ([1.0, 2.0], [30.0, 40.0])


def test_ms_ssim_in_decibels_comes_from_the_similarity():
    assert Point(1.0, 30.0, ms_ssim=0.99).ms_ssim_db == pytest.approx(20.0)
    assert Point(1.0, 30.0).ms_ssim_db is None
    assert Point(1.0, 30.0, ms_ssim=1.0).ms_ssim_db == math.inf


def test_values_skip_what_was_not_measured_or_is_infinite():
    curve = Curve("a", (Point(1.0, 30.0), Point(2.0, math.inf, ms_ssim=1.0), Point(3.0, 50.0, ms_ssim=0.9)))
    assert curve.values("psnr_rgb") == ([1.0, 3.0], [30.0, 50.0])
    assert curve.values("ms_ssim_db")[0] == [3.0]


def test_unknown_metric_is_refused():
    with pytest.raises(InputError, match="psnr_rgb"):
        Curve("a", (Point(1.0, 30.0),)).values("snr")


def test_mean_is_taken_at_each_quality():
    first = Curve("1", (Point(1.0, 30.0, quality=10.0), Point(2.0, 40.0, quality=20.0, encode_s=1.0)))
    second = Curve("2", (Point(3.0, 32.0, quality=10.0, encode_s=1.0), Point(6.0, 44.0, quality=20.0, encode_s=3.0)))
    mean = mean_curve("mean", [first, second])
    assert mean.values() == ([2.0, 4.0], [31.0, 42.0])
    assert [point.encode_s for point in mean.points] == [None, 2.0]


def test_mean_over_different_qualities_is_refused():
    with pytest.raises(InputError, match="same settings"):
        mean_curve("a", [Curve("1", (Point(1.0, 30.0, quality=1.0),)), Curve("2", (Point(1.0, 30.0, quality=2.0),))])


def test_rows_return_the_same_curve():
    curve = Curve("a", (Point(1.25, 30.5, ms_ssim=0.9, quality=3.0), Point(2.0, 33.0)))
    assert from_rows("a", json.loads(json.dumps(to_rows(curve)))) == curve


def test_published_file_is_read_without_points_that_have_no_psnr(tmp_path):
    codecs = {"a": {"points": [{"bpp": 1.0, "psnr_rgb": 30.0, "ms_ssim_db": 10.0}, {"bpp": 2.0}]}, "b": {"points": []}}
    path = tmp_path / "curves.json"
    path.write_text(json.dumps({"codecs": codecs}))
    assert read_curves(path) == {"a": Curve("a", (Point(1.0, 30.0),))}


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"codecs": {"a": {"points": [{"psnr_rgb": 1}]}}}', '{"codecs": [1]}']
)
def test_file_without_curves_is_refused(tmp_path, text):
    path = tmp_path / "curves.json"
    path.write_text(text)
    with pytest.raises(InputError, match="no curves"):
        read_curves(path)


def test_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match=r"absent\.json"):
        read_curves(tmp_path / "absent.json")


def test_folder_of_published_curves_can_be_set(monkeypatch, tmp_path):
    monkeypatch.setenv("TINIFY_ANCHORS", str(tmp_path))
    assert anchors_file() == tmp_path / "kodak_rd.json"
