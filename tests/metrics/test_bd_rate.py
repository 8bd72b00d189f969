# SPDX-License-Identifier: Apache-2.0
import json
import os
from pathlib import Path

import numpy as np
import pytest

from tinify.errors import InputError
from tinify.metrics.bd_rate import bd_psnr, bd_rate, common_range, monotone_curve

RATES = [0.12, 0.25, 0.49, 0.93, 1.7]
PSNRS = [27.1, 29.3, 31.8, 34.6, 37.9]


@pytest.fixture(scope="module")
def published() -> dict:
    """Published Kodak curves (TINIFY_ANCHORS, or `shared/anchors` beside the repository)."""
    repository = Path(__file__).resolve().parents[2]
    path = Path(os.environ.get("TINIFY_ANCHORS", repository.parent / "shared" / "anchors")) / "kodak_rd.json"
    if not path.is_file():
        pytest.skip(f"published curves not found at {path}; set TINIFY_ANCHORS")
    return json.loads(path.read_text())


def points(published: dict, name: str, metric: str) -> tuple[list[float], list[float]]:
    rows = [row for row in published["codecs"][name]["points"] if metric in row]
    return [row["bpp"] for row in rows], [row[metric] for row in rows]


def test_ten_percent_more_bits_at_every_quality_is_ten_percent():
    assert bd_rate(RATES, PSNRS, [1.1 * r for r in RATES], PSNRS) == pytest.approx(10.0)


def test_one_decibel_more_at_every_rate_is_one_decibel():
    assert bd_psnr(RATES, PSNRS, RATES, [p + 1 for p in PSNRS]) == pytest.approx(1.0)


def test_order_of_points_does_not_matter():
    assert bd_rate(RATES[::-1], PSNRS[::-1], [0.9 * r for r in RATES], PSNRS) == pytest.approx(-10.0)


CURVES = [
    (RATES, PSNRS, [0.1, 0.22, 0.4, 0.9, 1.5], [27.0, 29.5, 31.7, 35.1, 38.0]),
    (RATES, PSNRS, [0.3, 0.5, 0.8, 1.9], [30.0, 31.0, 34.0, 39.5]),
    ([1000, 2000, 4000, 8000], [31.1, 33.0, 35.2, 37.0], [900, 1850, 3900, 7000], [31.0, 33.1, 35.0, 36.7]),
    ([0.2, 0.4], [28.0, 31.0], [0.15, 0.5, 0.6], [27.0, 32.0, 32.1]),
    (
        [0.05, 0.1, 0.4, 1.6, 3.2],
        [24.0, 25.5, 31.0, 39.0, 43.0],
        [0.07, 0.14, 0.3, 0.9, 2.0],
        [25.1, 27.0, 29.9, 34.0, 41.0],
    ),
    ([0.31, 0.62, 0.9, 1.4], [8.1, 12.4, 14.0, 17.7], [0.2, 0.5, 0.8, 1.3, 2.2], [8.3, 13.1, 15.2, 18.4, 22.0]),
    ([2.0, 3.0, 5.0, 9.0], [40.0, 43.0, 47.0, 52.0], [2.5, 4.0, 7.0, 11.0], [39.0, 44.0, 49.0, 53.0]),
    ([0.01, 0.02, 0.03, 0.04], [20.0, 22.0, 23.0, 23.5], [0.015, 0.025, 0.035], [21.5, 22.9, 23.6]),
    ([0.5, 0.7, 0.71, 2.0], [30.0, 33.0, 33.01, 38.0], [0.4, 0.65, 0.9, 1.8], [29.5, 33.2, 34.9, 38.4]),
    ([10, 100, 1000], [10.0, 20.0, 30.0], [20, 150, 900], [12.0, 21.0, 29.0]),
]


@pytest.mark.filterwarnings("ignore:Insufficient curve overlap")
@pytest.mark.parametrize("curves", CURVES)
def test_equals_the_bjontegaard_package(curves):
    package = pytest.importorskip("bjontegaard")
    options = {"method": "pchip", "require_matching_points": False}
    assert bd_rate(*curves) == pytest.approx(package.bd_rate(*curves, **options), abs=1e-6)
    assert bd_psnr(*curves) == pytest.approx(package.bd_psnr(*curves, **options), abs=1e-6)


PAIRS = [("jpeg", "webp"), ("jpeg", "mbt2018-mean/mse@cuda"), ("bpg", "vtm"), ("webp", "av1"), ("vtm", "jpeg2000")]


@pytest.mark.filterwarnings("ignore:Insufficient curve overlap")
@pytest.mark.parametrize("metric", ["psnr_rgb", "ms_ssim_db"])
@pytest.mark.parametrize("pair", PAIRS)
def test_equals_the_bjontegaard_package_on_published_curves(published, pair, metric):
    package = pytest.importorskip("bjontegaard")
    anchor, test = (points(published, name, metric) for name in pair)
    sound = [np.stack(monotone_curve(*curve)) for curve in (anchor, test)]
    curves = [np.exp(sound[0][0]), sound[0][1], np.exp(sound[1][0]), sound[1][1]]
    options = {"method": "pchip", "require_matching_points": False}
    assert bd_rate(*anchor, *test) == pytest.approx(package.bd_rate(*curves, **options), abs=1e-6)
    assert bd_psnr(*anchor, *test) == pytest.approx(package.bd_psnr(*curves, **options), abs=1e-6)


def test_equals_every_figure_stored_with_the_published_curves(published):
    compared = 0
    for name, by_metric in published["bd_rate"]["vs"].items():
        for metric, by_anchor in by_metric.items():
            for anchor, stored in by_anchor.items():
                value = bd_rate(*points(published, anchor, metric), *points(published, name, metric))
                assert value == pytest.approx(stored["percent"], abs=0.11), (name, metric, anchor)
                compared += 1
    assert compared > 100


def test_points_worse_than_a_cheaper_one_are_dropped():
    rate, metric = monotone_curve([1.0, 2.0, 3.0, 4.0], [30.0, 33.0, 32.5, 34.0])
    assert np.exp(rate) == pytest.approx([1.0, 2.0, 4.0])
    assert metric.tolist() == [30.0, 33.0, 34.0]


def test_of_points_of_one_rate_the_best_stays():
    assert monotone_curve([1.0, 1.0, 2.0], [30.0, 31.0, 33.0])[1].tolist() == [31.0, 33.0]


def test_common_range_is_what_both_reach():
    assert common_range([30.0, 35.0], [32.0, 40.0]) == (32.0, 35.0)


def test_curves_without_a_common_range_are_refused():
    with pytest.raises(InputError, match="share no range"):
        bd_rate([0.1, 0.2], [20.0, 25.0], [0.1, 0.2], [30.0, 35.0])


@pytest.mark.parametrize(
    ("rate", "metric"),
    [
        ([0.0, 1.0], [1.0, 2.0]),
        ([1.0, 2.0], [1.0, np.inf]),
        ([1.0], [1.0, 2.0]),
        ([1.0], [1.0]),
        ([1.0, 2.0], [2.0, 1.0]),
    ],
)
def test_curves_that_are_none_are_refused(rate, metric):
    with pytest.raises(InputError):
        bd_rate(rate, metric, RATES, PSNRS)
