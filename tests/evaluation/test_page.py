# SPDX-License-Identifier: Apache-2.0
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from tinify.evaluation.comparison import compare_to
from tinify.evaluation.crops import Crop, Crops, draw
from tinify.evaluation.curves import Curve, Point
from tinify.evaluation.page import render
from tinify.evaluation.report import Run


def run(name: str, factor: float = 1.0, kind: str = "tinify", **about) -> Run:
    points = tuple(
        Point(factor * 0.1 * 2**k, 28.0 + 3 * k, 1 - 0.1 / 2**k, quality=10.0 * k, encode_s=0.5, decode_s=0.25)
        for k in range(5)
    )
    more = {"fingerprint": "ab", "weights_bytes": 1, "macs_per_sample": 12.0} if kind == "tinify" else {}
    return Run(Curve(name, points), about={"kind": kind, "modality": "image", **more, **about})


RUNS = [run("mine <b>", 0.5), run("jpeg", kind="peer"), run("published vtm", 0.4, kind="published")]


@pytest.fixture(scope="module")
def page() -> str:
    tile = Crop("original", np.zeros((16, 16, 3), np.uint8))
    crops = Crops("a.png", 100, (0, 0), (tile, Crop("mine", tile.pixels, 100, 0.3, 31.0)), off=("webp",))
    comparisons = compare_to(RUNS[1], [RUNS[0], RUNS[2]])
    return render(RUNS, RUNS[1], comparisons, {"command": "tinify compare x", "versions": {"torch": "2"}}, crops)


def test_the_page_needs_nothing_from_elsewhere(page):
    assert not re.search(r"https?:|//cdn|@import|<link(?! rel=\"icon\" href=\"data:,\")|url\(", page)
    assert not re.findall(r"<(?:script|img|iframe)[^>]*src=\"(?!data:)", page)


def test_every_element_is_closed(page):
    class Balance(HTMLParser):
        open: list = []  # noqa: RUF012

        def handle_starttag(self, tag, attributes):
            if tag not in ("meta", "link", "img", "path", "input"):
                self.open.append(tag)

        def handle_endtag(self, tag):
            if tag not in ("path",):
                assert self.open.pop() == tag

    parser = Balance()
    parser.feed(page)
    assert parser.open == []


def test_the_data_of_every_curve_is_there_in_both_metrics_and_scales(page):
    charts = json.loads(re.search(r'id="charts">(.*?)</script>', page, re.DOTALL)[1])["charts"]
    assert [(one["metric"], one["x"]["log"]) for one in charts] == [
        ("psnr_rgb", False), ("psnr_rgb", True), ("ms_ssim_db", False), ("ms_ssim_db", True),
    ]  # fmt: skip
    assert [curve["name"] for curve in charts[0]["curves"]] == ["mine <b>", "jpeg", "published vtm"]
    assert charts[0]["curves"][1]["points"][2][:2] == [0.4, 34.0]
    assert "0.5 s in, 0.25 s out" in charts[0]["curves"][0]["points"][0][2]
    assert page.count("<figure hidden") == 3
    for number in range(3):
        assert page.count(f'k{number}"') >= 4


def test_names_are_escaped_and_figures_are_told(page):
    assert "<b>" not in page.split("<script>")[0].replace("\\u003cb>", "")
    assert "mine &lt;b&gt; needs 50.0\u00a0% fewer bits than jpeg at equal PSNR" in page
    assert "−50.0 %" in page and "−60.0 %" in page
    assert "12 MACs a sample" in page and "tinify compare x" in page
    assert "No setting of webp comes within 1 %" in page


def test_crops_are_drawn_side_by_side():
    tiles = tuple(Crop(str(number), np.full((40, 40, 3), 20 * number, np.uint8), 1, 0.1, 30.0) for number in range(6))
    import io

    from PIL import Image

    sheet = np.asarray(Image.open(io.BytesIO(draw(Crops("a", 1, (0, 0), tiles)))))
    assert sheet.shape[1] > sheet.shape[0]
    for number in range(6):
        assert (sheet == 20 * number).all(axis=2).sum() >= 80 * 80
