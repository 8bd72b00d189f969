# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest
from PIL import Image

from tinify.evaluation.curves import Curve, Point
from tinify.evaluation.report import Evaluation, Run, to_json


def stored(path, **factors):
    runs = []
    for name, factor in factors.items():
        points = tuple(Point(factor * 0.1 * 2**k, 28.0 + 3 * k, quality=10.0 * k) for k in range(5))
        items = tuple(Curve(item, points) for item in ("a.png", "b.png"))
        runs.append(Run(Curve(name, points), items, {"kind": "peer", "modality": "image"}))
    path.write_text(to_json(Evaluation(tuple(runs), {"items": {}}, {"command": "tinify evaluate ..."})))
    return path


def test_stored_results_are_compared_without_data(tinify, here):
    stored(here / "out.json", mine=0.5, jpeg=1.0)
    result = tinify("compare", "out.json")
    assert result.code == 0
    assert "against jpeg" in result.text
    (row,) = (line for line in result.text.splitlines() if line.startswith("mine"))
    assert "-50.0 %" in row and "28.0 to 40.0 dB" in row and row.endswith("2 files")


def test_results_of_several_files_and_another_anchor(tinify, here):
    stored(here / "a.json", mine=0.5)
    stored(here / "b.json", other=0.25)
    assert "+100.0 %" in tinify("compare", "a.json", "b.json", "--anchor", "other").text
    wrong = tinify("compare", "a.json", "--anchor", "nobody")
    assert wrong.code == 2 and "mine" in wrong.err


def test_codecs_of_the_zoo_stand_for_their_stored_results(tinify, monkeypatch):
    result = tinify("compare", "photo-fast", "jpeg")
    if "no pretrained codec" in result.err or result.code == 3:
        pytest.skip("the zoo here has no stored results")
    assert "photo-fast" in result.text and " %" in result.text


def test_without_results_and_data_the_next_step_is_said(tinify):
    result = tinify("compare", "png")
    assert result.code == 3
    assert "--data DIR" in result.err and "tinify evaluate --json" in result.err


def test_a_file_that_is_no_evaluation_is_refused(tinify, here):
    (here / "x.json").write_text("[1]")
    result = tinify("compare", "x.json")
    assert result.code == 3 and "holds no evaluation" in result.err


def test_published_curves_stand_beside(tinify, here):
    stored(here / "out.json", mine=0.5, jpeg=1.0)
    points = [{"bpp": 0.2 * 2**k, "psnr_rgb": 28.0 + 3 * k} for k in range(5)]
    (here / "known.json").write_text(json.dumps({"codecs": {"old": {"points": points}}}))
    text = tinify("compare", "out.json", "--published", "known.json").text
    (row,) = (line for line in text.splitlines() if line.startswith("published old"))
    assert "+100.0 %" in row and row.endswith("mean curves")
    assert (
        "published old" not in tinify("compare", "out.json", "--published", "known.json", "--anchor", "old").text[40:]
    )


def test_page_plot_and_json_are_written(tinify, here):
    pytest.importorskip("matplotlib")
    stored(here / "out.json", mine=0.5, jpeg=1.0)
    result = tinify("compare", "out.json", "--html", "new/p.html", "--plot", "new/p.png", "--json", "new/p.json")
    assert result.code == 0
    assert "<h1>mine needs" in (here / "new/p.html").read_text("utf-8")
    assert Image.open(here / "new/p.png").size[0] > 400
    again = json.loads((here / "new/p.json").read_text())
    assert again["bd_rate"][0]["bd_rate_percent"] == -50.0
    assert tinify("compare", "new/p.json").text == result.text


def test_fresh_measurements_on_the_same_files(tinify, here):
    (here / "photos").mkdir()
    rows, columns = np.mgrid[:64, :80]
    x = np.stack([rows * 3 % 256, columns * 2, 100 + 50 * np.sin(rows / 5)], axis=2).astype(np.uint8)
    Image.fromarray(x).save(here / "photos" / "a.png")
    result = tinify("compare", "photo-fast", "jpeg", "--data", "photos", "--quality", "20", "40", "60")
    assert result.code == 0
    (row,) = (line for line in result.text.splitlines() if line.startswith("photo-fast"))
    assert row.endswith("1 file")


def test_the_page_leads_with_the_codec_that_was_named_first(tinify, log):
    pytest.importorskip("pcodec")
    pytest.importorskip("imagecodecs")
    words = ["series-mixing@20,40,60", "pcodec", "sz3", "--data", log, "--html", "p.html"]
    result = tinify("compare", *words)
    assert result.code == 0 and "against sz3" in result.text
    assert "<h1>series-mixing needs" in open("p.html", encoding="utf-8").read()  # noqa: SIM115


def test_crops_have_the_same_bytes_within_one_percent(tinify, here):
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:192, :256]
    x = (
        128
        + 60 * np.sin(rows / 9)[..., None] * np.cos(columns / 7)[..., None]
        + rng.normal(scale=12, size=(192, 256, 3))
    )
    Image.fromarray(x.clip(0, 255).astype(np.uint8)).save(here / "a.png")
    result = tinify("compare", "photo-fast", "jpeg", "webp", "--crops", "a.png", "--at-bpp", "1.0")
    assert result.code == 0
    lines = result.text.splitlines()
    sizes = [int(line.split(": ")[1].split(" bytes")[0].replace(",", "")) for line in lines]
    assert [line.split(":")[0] for line in lines] == ["photo-fast", "jpeg", "webp"]
    for line, size in zip(lines, sizes, strict=True):
        assert (abs(size - 6144) > 0.01 * 6144) == line.endswith("(no setting within 1 %)"), line
    assert abs(sizes[1] - 6144) <= 61 and abs(sizes[2] - 6144) <= 61
    assert Image.open(here / "a-crops.png").size[0] > 4 * 176
