# SPDX-License-Identifier: Apache-2.0
import sys

import numpy as np
import pytest
from PIL import Image

from tinify.errors import MissingExtraError
from tinify.evaluation.curves import Curve, Point
from tinify.evaluation.plots import plot_curves

CURVE = Curve("mine", (Point(0.1, 28.0, 0.9), Point(0.5, 33.0, 0.97), Point(1.0, 37.0, 0.99)))


@pytest.mark.parametrize("metric", ["psnr_rgb", "ms_ssim_db"])
def test_picture_holds_the_curves(tmp_path, metric):
    pytest.importorskip("matplotlib")
    path = tmp_path / "curves.png"
    plot_curves(path, [CURVE, Curve("other", CURVE.points[:2])], [Curve("old", CURVE.points)], metric, "Title")
    pixels = np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3)
    blue = np.abs(pixels.astype(int) - [0x0B, 0x6E, 0x99]).sum(axis=1) < 30
    assert blue.sum() > 500


def test_names_of_the_curves_are_written(tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "curves.svg"
    plot_curves(path, [CURVE], [Curve("published codec", CURVE.points)])
    assert "published codec" in path.read_text()


def test_without_matplotlib_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"tinify-codec\[plot\]"):
        plot_curves(tmp_path / "curves.png", [CURVE])
