# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from tinify.errors import InputError
from tinify.evaluation.published import find_published


@pytest.fixture
def anchors(tmp_path, monkeypatch):
    points = [{"bpp": 0.1, "psnr_rgb": 30.0}, {"bpp": 0.5, "psnr_rgb": 35.0}]
    codecs = {name: {"points": points} for name in ("vtm", "mbt2018/mse", "mbt2018/ms-ssim")}
    (tmp_path / "kodak_rd.json").write_text(json.dumps({"codecs": codecs}))
    monkeypatch.setenv("TINIFY_ANCHORS", str(tmp_path))
    return tmp_path / "kodak_rd.json"


def names(runs):
    return [run.name for run in runs]


def test_names_and_patterns_are_found_in_the_usual_file(anchors):
    assert names(find_published(["vtm", "mbt2018*mse"])) == ["published vtm", "published mbt2018/mse"]


def test_a_file_alone_means_all_its_curves_and_with_names_those(anchors):
    assert len(find_published([str(anchors)])) == 3
    assert names(find_published([str(anchors), "vtm"])) == ["published vtm"]


def test_an_unknown_name_gets_near_ones(anchors):
    with pytest.raises(InputError, match="near: vtm"):
        find_published(["vtn"])


def test_without_the_file_the_message_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("TINIFY_ANCHORS", str(tmp_path / "gone"))
    with pytest.raises(InputError, match=r"set TINIFY_ANCHORS .* --published FILE\.json"):
        find_published(["vtm"])
