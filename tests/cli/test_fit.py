# SPDX-License-Identifier: Apache-2.0
"""`tinify fit` as a person uses it, and codec files in the other commands."""

import contextlib
import io
import json
import math
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from tinify import codec_file
from tinify.cli.main import run
from tinify.training import fit as training

NAMES = ["Température °C", "humidity %"]


def samples(rows, seed=0):
    random, t = np.random.default_rng(seed), np.arange(rows) * 2 * np.pi / 96
    noise = random.normal(size=(2, rows))
    return np.stack([20 + 3 * np.sin(t) + 0.1 * noise[0], 55 - 8 * np.sin(t) + 0.2 * noise[1]], axis=1)


def write_csv(path, x, names=NAMES, gaps=()):
    rows = [[f"{value:.2f}" for value in row] for row in x]
    for row, column in gaps:
        rows[row][column] = ""
    lines = [",".join(["time", *names[: x.shape[1]]])]
    lines += [f"2026-01-01T{i // 60 % 24:02d}:{i % 60:02d}:00," + ",".join(row) for i, row in enumerate(rows)]
    Path(path).write_text("\n".join(lines) + "\n", "utf-8")


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A folder with pump.codec, fitted for once and for all to two CSVs with gaps, and what was printed."""
    folder, out, err = tmp_path_factory.mktemp("fit"), io.StringIO(), io.StringIO()
    write_csv(folder / "may.csv", samples(700), gaps=[(5, 0), (6, 0), (90, 1)])
    write_csv(folder / "june.csv", samples(500, 1), gaps=[(0, 1)])
    paths = [str(folder / name) for name in ("may.csv", "june.csv", "pump.codec")]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        assert run(["fit", *paths[:2], "--output", paths[2], "--json"]) == 0
    return folder, json.loads(out.getvalue()), err.getvalue()


@pytest.fixture
def pump(kept, here):
    """pump.codec and today.csv, which has a gap, in the working folder."""
    shutil.copy(kept[0] / "pump.codec", here)
    write_csv("today.csv", samples(300, 2), gaps=[(7, 1)])
    return here / "pump.codec"


@pytest.fixture
def quick(monkeypatch):
    """Nothing is learned, and nothing compared: what remains is what the command does around that."""
    from tinify.training import break_even

    monkeypatch.setattr(training, "learn", lambda codec, sets, options, seed, log: None)
    point = break_even.Point(60.0, 0.04, 2.0, 1.5)
    monkeypatch.setattr(break_even, "compare", lambda fitted, general, pieces, *_, **__: [point])


def test_the_report_says_when_the_codec_file_is_paid_for(kept):
    folder, report, _ = kept
    size = (folder / "pump.codec").stat().st_size
    assert report["bytes"] == size < 5000
    assert report["rows"] == 1200 and report["channels"] == 2 and not report["whole"]
    assert [row["quality"] for row in report["held_out"]] == [40, 60, 80]
    for row in report["held_out"]:
        saved = 2 * (row["general"] - row["fitted"])
        if row["break_even_rows"] is None:
            assert saved <= 0
        else:
            assert row["break_even_rows"] == pytest.approx(8 * size / saved, rel=0.02)
            assert row["break_even_mb"] == pytest.approx(row["break_even_rows"] * 2 * 4 / 1e6, abs=1e-3)
    assert report["other"]["whole"] and report["other"]["bytes"] > 100 * size


def test_a_fitted_codec_saves_bits(kept):
    rows = {row["quality"]: row for row in kept[1]["held_out"]}
    assert rows[80]["fitted"] < rows[80]["general"]


def test_progress_goes_to_stderr_stage_by_stage(kept):
    lines = [line.split("s  ") for line in kept[2].splitlines()]
    assert [stage for _, stage in lines[:4]] == ["read", "channels", "grid", "blocks of 8"]
    shares = [int(line[0].split("%")[0]) for line in lines]
    assert shares == sorted(shares) and shares[-1] == 100


def test_series_come_back_with_the_codec_file(tinify, pump):
    assert tinify("compress", "today.csv", "--codec", "pump.codec").code == 0
    assert tinify("decompress", "today.tnf", "back.csv", "--codec", "pump.codec").code == 0
    ours, theirs = Path("today.csv").read_text("utf-8").splitlines(), Path("back.csv").read_text("utf-8").splitlines()
    assert theirs[0] == ours[0] and theirs[8].endswith(",") and len(theirs) == len(ours)
    numbers = [[float(line.split(",")[1]) for line in lines[1:]] for lines in (ours, theirs)]
    assert np.abs(np.subtract(*numbers)).max() < 0.5


@pytest.mark.parametrize("command", [["decompress", "today.tnf", "back.csv"], ["verify", "today.tnf"]])
def test_without_the_codec_file_the_error_says_the_next_step(tinify, pump, command):
    assert tinify("compress", "today.csv", "--codec", "pump.codec").code == 0
    result = tinify(*command)
    assert result.code == 6
    assert "--codec pump.codec" in result.err and not Path("back.csv").exists()
    assert tinify(*command, "--codec", "pump.codec", *["--force"][: command[0] == "decompress"]).code == 0


def test_a_renamed_codec_file_still_decodes_and_another_one_does_not(tinify, pump):
    assert tinify("compress", "today.csv", "--codec", "pump.codec").code == 0
    file, other = codec_file.read(pump), codec_file.load(pump)
    other.fitted.scale *= 2
    Path("other.codec").write_bytes(codec_file.pack(other, file.table, {}, file.base))
    result = tinify("decompress", "today.tnf", "back.csv", "--codec", "other.codec")
    assert result.code == 5 and not Path("back.csv").exists()
    pump.rename("elsewhere.codec")
    assert tinify("decompress", "today.tnf", "back.csv", "--codec", "elsewhere.codec").code == 0


def test_a_codec_file_is_for_its_number_of_channels(tinify, pump):
    np.save("x.npy", np.zeros((50, 3), np.float32))
    result = tinify("compress", "x.npy", "--codec", "pump.codec")
    assert result.code == 3 and "3 channels and the codec was fitted to 2" in result.err


def test_error_bounds_hold_with_a_codec_file(tinify, pump):
    x = samples(400, 5).astype(np.float32)
    np.save("x.npy", x)
    assert tinify("compress", "x.npy", "--codec", "pump.codec", "--max-error", "0.05").code == 0
    assert tinify("decompress", "x.tnf", "back.npy", "--codec", "pump.codec").code == 0
    assert np.abs(np.load("back.npy") - x).max() <= 0.05


def test_inspect_shows_what_a_codec_file_was_made_from(tinify, pump):
    shown = tinify("inspect", "pump.codec").text
    for part in ("codec file", "may.csv", "1200", "humidity %", "tinify fit", "'series-mixing'"):
        assert part in shown
    found = json.loads(tinify("inspect", "pump.codec", "--json").out)
    assert found["format"] == "codec" and found["card"]["names"] == NAMES
    assert len(found["card"]["held_out"]) == 3


def test_inspect_says_whether_a_codec_file_made_a_file(tinify, pump):
    tinify("compress", "today.csv", "--codec", "pump.codec")
    assert "made this file" in tinify("inspect", "today.tnf", "--codec", "pump.codec").text
    assert (
        json.loads(tinify("inspect", "today.tnf", "--codec", "series-mixing", "--json").out)["made_with_codec"] is False
    )


def test_inspect_shows_what_strangers_wrote_without_control_characters(tinify, pump):
    file = codec_file.read(pump)
    card = {"names": ["\x1b[2J", "\u202e"], "\x1b]0;": 1}
    pump.write_bytes(codec_file.pack(codec_file.load(pump), file.table, card, file.base))
    assert not any(c in tinify("inspect", "pump.codec").text for c in "\x1b\u202e")


def test_a_damaged_codec_file_is_exit_4_and_a_missing_one_3(tinify, pump):
    data = pump.read_bytes()
    for damaged in (data[:-1], data[:10], b"", data[:40] + b"\0" + data[41:]):
        pump.write_bytes(damaged)
        result = tinify("compress", "today.csv", "--codec", "pump.codec")
        assert result.code == 4 and "pump.codec" in result.err and not Path("today.tnf").exists()
    pump.unlink()
    result = tinify("compress", "today.csv", "--codec", "pump.codec")
    assert result.code == 3 and "pump.codec: No such file" in result.err


def test_an_output_that_exists_stays_unless_forced(tinify, here, quick):
    np.save("x.npy", samples(600))
    Path("my.codec").write_bytes(b"mine")
    result = tinify("fit", "x.npy", "-o", "my.codec")
    assert result.code == 8 and Path("my.codec").read_bytes() == b"mine" and " %" not in result.err
    assert tinify("fit", "x.npy", "-o", "my.codec", "--force").code == 0
    assert codec_file.read("my.codec").table["channels"] == 2


def test_the_report_for_people(tinify, here, quick):
    np.save("x.npy", samples(600)[:, 0])
    shown = tinify("fit", "x.npy", "-o", "deep/er/my.codec").text
    size = Path("deep/er/my.codec").stat().st_size
    assert shown.startswith(f"deep/er/my.codec: {size:,} bytes, fitted to 600 rows of 1 channels")
    assert f"25.0 %  {math.ceil(8 * size / 0.5):,} rows" in shown and "With --whole" in shown


def test_a_codec_that_saves_nothing_is_never_paid_for(tinify, here, quick, monkeypatch):
    from tinify.training import break_even

    monkeypatch.setattr(break_even, "compare", lambda *_, **__: [break_even.Point(60.0, 0.04, 2.0, 2.5)])
    np.save("x.npy", samples(600))
    result = tinify("fit", "x.npy", "-o", "my.codec")
    assert "-25.0 %  never: it saves nothing" in result.text
    assert json.loads(tinify("fit", "x.npy", "-fo", "my.codec", "--json").out)["held_out"][0]["break_even_rows"] is None


def test_a_whole_codec_file_needs_no_general_codec(tinify, here, quick):
    np.save("x.npy", samples(600))
    assert tinify("fit", "x.npy", "-o", "my.codec", "--whole").code == 0
    assert codec_file.read("my.codec").base == "" and os.path.getsize("my.codec") > 1_000_000
    assert tinify("fit", "x.npy", "-o", "new.codec", "--start", "none").code == 0
    assert codec_file.read("new.codec").base == ""


def test_passes_and_minutes_reach_the_training(tinify, here, quick, monkeypatch):
    seen, fitting = [], training.fit
    monkeypatch.setattr(
        training, "fit", lambda pieces, options, **given: seen.append(options) or fitting(pieces, **given)
    )
    np.save("x.npy", samples(600))
    for flags in ([], ["--whole", "--epochs", 7, "--minutes", 0.5]):
        assert tinify("fit", "x.npy", "-fo", "my.codec", *flags).code == 0
    assert [(options.epochs, options.minutes) for options in seen] == [(1, 3.0), (7, 0.5)]


def test_standard_input_folders_and_patterns(tinify, here, quick):
    Path("logs").mkdir()
    write_csv("logs/a.csv", samples(300))
    write_csv("logs/b.csv", samples(300, 1))
    for paths in (["logs"], ["logs/*.csv"]):
        report = json.loads(tinify("fit", *paths, "-fo", "my.codec", "--json").out)
        assert report["rows"] == 600
    write_csv("c.csv", samples(600))
    assert tinify("fit", "-", "-fo", "my.codec", stdin=Path("c.csv").read_bytes()).code == 0
    assert codec_file.read("my.codec").card["names"] == NAMES


def test_an_interrupt_leaves_nothing(tinify, here, quick, monkeypatch):
    def interrupted(codec, sets, options, seed, log):
        log({})
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "learn", interrupted)
    np.save("x.npy", samples(600))
    result = tinify("fit", "x.npy", "-o", "new/my.codec")
    assert result.code == 130 and result.err.endswith("interrupted; nothing half-written is left\n")
    assert os.listdir(here) == ["x.npy"]


BAD = {
    "rows": (lambda: np.save("x.npy", samples(511)), 3, "511 rows are too few to fit a codec to; at least 512"),
    "constant": (lambda: np.save("x.npy", np.ones((600, 2))), 3, "no channel of the series varies"),
    "nan": (lambda: np.save("x.npy", np.full((600, 2), np.nan)), 3, "no channel of the series varies"),
    "empty": (lambda: np.save("x.npy", np.zeros((0, 2))), 3, "0 rows are too few"),
    "channels": (lambda: np.save("x.npy", np.zeros((600, 2049), np.int8)), 3, "2049 channels"),
    "missing": (lambda: None, 3, "x.npy: there is no such file"),
    "damaged": (lambda: Path("x.npy").write_bytes(b"\x93NUMPY\1\0"), 3, "x.npy"),
}


@pytest.mark.parametrize("case", BAD)
def test_data_that_cannot_be_fitted_says_why_and_leaves_nothing(tinify, here, case):
    make, code, message = BAD[case]
    make()
    result = tinify("fit", "x.npy", "-o", "my.codec")
    assert result.code == code and message in result.err and not Path("my.codec").exists()


def test_a_picture_is_no_series(tinify, photo):
    result = tinify("fit", photo, "-o", "my.codec")
    assert result.code == 3 and "photo.png: this is no series but image" in result.err


def test_files_have_to_have_the_same_channels(tinify, here):
    write_csv("a.csv", samples(600))
    write_csv("b.csv", samples(600), NAMES[::-1])
    write_csv("c.csv", samples(600)[:, :1])
    result = tinify("fit", "a.csv", "b.csv", "-o", "my.codec")
    assert result.code == 3 and "channel 1 is 'Température °C' in a.csv and 'humidity %' in b.csv" in result.err
    result = tinify("fit", "a.csv", "c.csv", "-o", "my.codec")
    assert result.code == 3 and "a.csv has 2 channels and c.csv 1" in result.err


@pytest.mark.parametrize("output", ["my", "my.tnf", "folder.codec"])
def test_the_output_is_a_file_whose_name_ends_in_codec(tinify, here, output):
    Path("folder.codec").mkdir()
    result = tinify("fit", "x.npy", "-o", output)
    assert result.code == 2 and ".codec" in result.err


def test_help_teaches(tinify):
    shown = " ".join(tinify("fit", "--help").text.split())
    for part in (
        "tinify compress today.csv --codec pump.codec",
        "Keep the codec file",
        "rows = 8 x bytes of the codec",
    ):
        assert part in shown
