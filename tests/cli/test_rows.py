# SPDX-License-Identifier: Apache-2.0
"""Long series on the command line: chunks, rows of them, and what an interrupt leaves."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from tinify import container

CODEC = ["--codec", "series-mixing"]


@pytest.fixture
def walk(tinify, here):
    """walk.npy, and walk.tnf in five chunks."""
    x = np.random.default_rng(0).normal(size=(5000, 2)).cumsum(axis=0).astype(np.float32)
    np.save("walk.npy", x)
    assert tinify("compress", "walk.npy", *CODEC, "--chunk", 1000, "--quality", 70).code == 0
    return x


def test_chunk_says_how_many_rows_are_coded_together(tinify, walk, here):
    assert len(container.EntryReader(Path("walk.tnf").read_bytes())) == 5
    assert tinify("verify", "walk.tnf").code == 0
    shown = json.loads(tinify("inspect", "walk.tnf", "--json").out)
    assert [section["name"] for section in shown["sections"]] == ["metadata", "index", "payload"]
    assert tinify("compress", "walk.npy", "one.tnf", *CODEC, "--chunk", 1000, "--quality", 70, "--threads", 1).code == 0
    assert Path("one.tnf").read_bytes() == Path("walk.tnf").read_bytes()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [("1500:1600", slice(1500, 1600)), (":20", slice(20)), ("4990:", slice(4990, None)), ("-30:-10", slice(-30, -10))],
)
@pytest.mark.parametrize("output", ["rows.npy", "-"])
def test_rows_of_a_series_are_those_of_the_whole(tinify, walk, rows, expected, output):
    assert tinify("decompress", "walk.tnf", "whole.npy").code == 0
    whole = np.load("whole.npy")
    assert whole.shape == walk.shape and np.abs(whole - walk).max() < 0.1 * walk.std()
    result = tinify("decompress", "walk.tnf", output, f"--rows={rows}")
    assert result.code == 0
    if output == "-":
        Path("rows.npy").write_bytes(result.out)
    np.testing.assert_array_equal(np.load("rows.npy"), whole[expected])


def test_rows_from_standard_input_and_without_a_name(tinify, walk, here):
    data = Path("walk.tnf").read_bytes()
    assert tinify("decompress", "-", "some.npy", "--rows", "0:7", stdin=data).code == 0
    assert np.load("some.npy").shape == (7, 2)
    Path("walk.npy").unlink()
    report = json.loads(tinify("decompress", "walk.tnf", "--rows", "0:9", "--json").out)[0]
    assert report["shape"] == [9, 2] and report["output"] == "walk.npy"


def test_rows_that_are_not_there_say_what_is_allowed(tinify, walk):
    result = tinify("decompress", "walk.tnf", "x.npy", "--rows", "10:5001")
    assert result.code == 3 and "stop <= 5000" in result.err
    for rows in ("5", "a:b", "1:2:3", "-:3"):
        assert tinify("decompress", "walk.tnf", "x.npy", f"--rows={rows}").code == 2
    assert not Path("x.npy").exists()


def test_rows_of_a_picture_are_an_input_error(tinify, photo):
    assert tinify("compress", photo).code == 0
    result = tinify("decompress", "photo.tnf", "x.png", "--rows", "0:5")
    assert result.code == 3 and "only a series" in result.err


def test_damage_in_a_chunk_leaves_nothing(tinify, walk):
    data = bytearray(Path("walk.tnf").read_bytes())
    data[-50] ^= 1
    Path("bad.tnf").write_bytes(data)
    assert tinify("decompress", "bad.tnf", "x.npy").code == 4
    assert tinify("decompress", "bad.tnf", "x.npy", "--rows", "0:1000").code == 0
    assert tinify("verify", "bad.tnf").code == 4


def test_an_interrupt_between_chunks_leaves_nothing_half_written(here):
    np.lib.format.open_memmap("x.npy", "w+", np.float32, ((1 << 20) + 1, 1))[:] = 1
    script = textwrap.dedent(f"""
        import os, sys, time
        sys.path.insert(0, {str(Path(__file__).parents[1])!r})
        from models.series.rounding import Rounding
        from tinify import api
        from tinify.cli.main import main

        class Slow(Rounding):
            def pack_rows(self, *arguments):
                os.write(1, b"working\\n")  # one write: lines of two threads do not mix
                time.sleep(1)
                return super().pack_rows(*arguments)

        api.load = lambda name: Slow()
        main(["compress", "x.npy", "--codec", "slow", "--chunk", "1000"])
    """)
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", script], stdout=pipe, stderr=pipe, text=True)
    assert process.stdout.readline() == "working\n"
    assert any(name.endswith(".part") for name in os.listdir(here))
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.strip().endswith("nothing half-written is left")
    assert os.listdir(here) == ["x.npy"]
