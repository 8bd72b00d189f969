# SPDX-License-Identifier: Apache-2.0
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def photos(here):
    (here / "photos").mkdir()
    for number in range(2):
        x = np.random.default_rng(number).integers(0, 255, (40, 56, 3), dtype=np.uint8)
        Image.fromarray(x).save(here / "photos" / f"{number}.png")
    return here / "photos"


def test_a_table_of_means_and_the_costs_of_codecs(tinify, photos):
    result = tinify("evaluate", "photo-fast", "jpeg@20,80", "--data", photos, "--quality", "30", "50")
    assert result.code == 0
    head, *rows = result.text.splitlines()
    assert head.split()[:4] == ["codec", "setting", "bpp", "PSNR"]
    assert [row.split()[:2] for row in rows[:4]] == [
        ["photo-fast", "30"],
        ["photo-fast", "50"],
        ["jpeg", "20"],
        ["jpeg", "80"],
    ]
    assert "means of 2 files" in result.text and "MACs per pixel" in result.text
    assert "100 %" in result.err


def test_json_holds_every_file_and_the_rate_is_that_of_the_file(tinify, photos):
    import tinify as package

    assert tinify("evaluate", "photo-fast", "--data", photos, "--quality", "30", "--json", "out.json").code == 0
    found = json.loads(Path("out.json").read_text())
    size = len(package.compress(np.asarray(Image.open(photos / "0.png")), "photo-fast", quality=30))
    assert found["codecs"]["photo-fast"]["items"]["0.png"][0]["bpp"] == pytest.approx(8 * size / (40 * 56), abs=1e-6)
    assert found["command"] and found["data"]["items"]["1.png"]["shape"] == [40, 56, 3]
    to_stdout = tinify("evaluate", "jpeg@30", "--data", photos, "--json", "-")
    assert json.loads(to_stdout.text)["codecs"]["jpeg"]["kind"] == "peer"


def test_per_item_shows_every_file(tinify, photos):
    text = tinify("evaluate", "jpeg@30", "--data", photos, "--per-item").text
    assert [line.split()[1] for line in text.splitlines()[1:4]] == ["0.png", "1.png", "mean"]


def test_limit_takes_the_first_files_and_patterns_choose(tinify, photos):
    assert "means of 1 file\n" in tinify("evaluate", "jpeg@30", "--data", photos, "--limit", "1").text
    assert "means of 1 file\n" in tinify("evaluate", "jpeg@30", "--data", f"{photos}/1*").text


def test_error_bounds_of_series_with_their_peers(tinify, log):
    pytest.importorskip("pcodec")
    result = tinify("evaluate", "series-mixing", "pcodec", "--data", log, "--max-error", "1%", "0.5")
    assert result.code == 0
    assert [row.split()[:2] for row in result.text.splitlines()[1:5]] == [
        ["series-mixing", "0.5"], ["series-mixing", "1%"], ["pcodec", "0.5"], ["pcodec", "1%"],
    ]  # fmt: skip


def test_the_split_of_sets_of_series(tinify, here):
    (here / "sets").mkdir()
    np.savez(here / "sets" / "walk.npz", x=np.cumsum(np.random.default_rng(0).normal(size=(300, 2)), axis=0))
    index = {"walk": {"file": "walk.npz", "split": {"train": [0, 200], "test": [[200, 250], [260, 300]]}}}
    (here / "sets" / "index.json").write_text(json.dumps(index))
    result = tinify("evaluate", "pcodec@1%", "--data", here / "sets", "--split", "test", "--json", "-")
    items = json.loads(result.text)["data"]["items"]
    assert {name: item["shape"] for name, item in items.items()} == {"walk#0": [50, 2], "walk#1": [40, 2]}
    wrong = tinify("evaluate", "pcodec@1%", "--data", here / "sets", "--split", "tests")
    assert wrong.code == 3 and "known: test, train" in wrong.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["jpeg"], 2, "--data DIR"),
        (["jpeg", "--data", "gone"], 3, "gone is missing"),
        (["jpeg", "--data", "*.tiff"], 3, "no file fits"),
        (["series-mixing", "--data", "photos"], 3, "series-mixing takes a series and 0.png is a picture"),
        (["jpegg", "--data", "photos"], 6, "jpeg"),
        (["jpeg", "--data", "photos", "--quality", "30", "--lossless"], 2, "exclude each other"),
        (["jpeg@0", "--data", "photos"], 2, "qualities from 1 to 95"),
    ],
)
def test_what_is_wrong_is_said_with_the_next_step(tinify, photos, arguments, code, message):
    result = tinify("evaluate", *arguments)
    assert result.code == code
    assert message in result.err


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_ends_every_process(photos):
    code = "import sys; from tinify.cli.main import main; main(sys.argv[1:])"
    arguments = ["evaluate", "jpeg", "webp", "--data", str(photos), "--jobs", "2"]
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], stderr=subprocess.PIPE, start_new_session=True)
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    if process.returncode == 0:
        pytest.skip("it was done before the interrupt came")
    assert process.returncode in (130, -2)
    assert b"Traceback" not in said or process.returncode == -2
    listed = subprocess.run(["ps", "-o", "pid=", "-g", str(process.pid)], capture_output=True, text=True)
    assert listed.stdout.split() == []
