# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from .conftest import picture

CODEC = ["--codec", "fake-picture"]


@pytest.fixture
def tree(here):
    for name in ("in/a.png", "in/sub/b.png"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        picture().save(here / name)
    return here


def outputs(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*") if path.name[0] != ".")


@pytest.mark.parametrize("how", [["--engine", "serial"], ["--engine", "processes"], ["--jobs", "1"]])
def test_a_tree_is_compressed_and_restored(tinify, tree, how):
    result = tinify("compress", "in", "out", *CODEC, *how)
    assert (result.code, result.err) == (0, "")
    assert result.text.startswith(f"compressed 2 files to {tree / 'out'}, ")
    assert outputs(tree / "out") == ["a.png.tnf", "sub/b.png.tnf"]
    assert tinify("decompress", "out", "-o", "back", *how).code == 0
    assert outputs(tree / "back") == ["a.png", "sub/b.png"]


def test_a_second_run_says_that_all_is_done(tinify, tree):
    tinify("compress", "in", "out", *CODEC, "--engine", "serial")
    assert "compressed 0 files" in (text := tinify("compress", "in", "out", *CODEC, "--engine", "serial").text)
    assert "(2 were done before)" in text


def test_failures_come_at_the_end_with_exit_code_1(tinify, tree):
    (tree / "in" / "bad.png").write_bytes(b"\x89PNG, not really")
    (tree / "in" / "notes.txt").write_text("not for us")
    result = tinify("compress", "in", "out", *CODEC, "--engine", "processes")
    assert result.code == 1
    assert "compressed 2 files" in result.text and "(1 of other kinds left out)" in result.text
    first, last = result.err.splitlines()
    assert first.startswith(f"error: {tree / 'in' / 'bad.png'}: ")
    assert last == "1 of 3 files failed; the same command tries them again"


def test_json_is_a_summary(tinify, tree):
    (tree / "in" / "bad.png").write_bytes(b"\x89PNG, not really")
    result = tinify("compress", "in", "out", *CODEC, "--engine", "serial", "--json")
    summary = json.loads(result.out)
    assert (result.code, summary["done"], summary["failed"][0]["exit_code"]) == (1, 2, 3)


@pytest.mark.parametrize("option, value", [("--quality", "90"), ("--target-bpp", "20"), ("--target-psnr", "40")])
def test_rates_are_settings(tinify, tree, option, value):
    tinify("compress", "in", "out", *CODEC, "--engine", "serial")
    result = tinify("compress", "in", "out", *CODEC, "--engine", "serial", option, value)
    assert "were done before" not in result.text


def test_a_codec_file_may_be_named_from_here(tinify, tree):
    (tree / "mine").mkdir()
    (tree / "mine" / "codec.toml").write_text('[codec]\nkind = "codec"\nname = "good-picture"\n')
    assert tinify("compress", "in", "out", "--codec", "./mine", "--engine", "processes").code == 0
    assert tinify("decompress", "out", "back", "--codec", "./mine", "--engine", "processes").code == 0


def test_urls_need_no_engine(tinify, tree):
    pytest.importorskip("fsspec", reason='needs fsspec: pip install "tinify-codec[fsspec]"')
    assert tinify("compress", f"file://{tree}/in", f"file://{tree}/out", *CODEC).code == 0
    assert outputs(tree / "out") == ["a.png.tnf", "sub/b.png.tnf"]


@pytest.mark.parametrize(
    "arguments",
    [["in"], ["-", "out"], ["in", "out", "--quality", "5", "--lossless"], ["in", "out", "--engine", "dask"]],
)
def test_wrong_usage(tinify, tree, arguments):
    result = tinify("compress", *arguments, "--jobs", "1")
    assert (result.code, (tree / "out").exists()) == (2, False)


@pytest.mark.parametrize("option", [["--rows", "0:5"], ["--region", "0,0,5,5"], ["--scale", "1/2"]])
def test_engines_restore_whole_files(tinify, tree, option):
    tinify("compress", "in", "out", *CODEC, "--engine", "serial")
    result = tinify("decompress", "out", "back", "--engine", "serial", *option)
    assert result.code == 2 and "whole files" in result.err


def test_the_help_teaches_engines(tinify):
    text = tinify("compress", "--help").text
    assert "tinify compress photos/ small/ --engine processes" in text
    assert "[serial|processes|ray]" in text
