# SPDX-License-Identifier: Apache-2.0
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
from PIL import Image

from tinify import container

from .conftest import picture


def test_the_output_stands_beside_the_input(tinify, photo):
    result = tinify("compress", photo)
    assert result.code == 0
    data = photo.with_suffix(".tnf").read_bytes()
    assert container.inspect(data)["codec"] == "fake-picture"
    assert f"{photo} -> {photo.with_suffix('.tnf')}" in result.text
    assert f"-> {len(data):,} bytes" in result.text


@pytest.mark.parametrize("how", ["last", "option"])
def test_the_output_can_be_named(tinify, photo, here, how):
    output = here / "deep" / "x.tnf"
    arguments = [output] if how == "last" else ["-o", output]
    assert tinify("compress", photo, *arguments).code == 0
    assert output.is_file()


def test_the_codec_is_chosen_by_the_kind_of_input(tinify, photo, log):
    result = tinify("compress", photo, log, "--json")
    assert [row["codec"] for row in json.loads(result.out)] == ["fake-picture", "fake-numbers"]


def test_a_folder_as_output_takes_several(tinify, photo, log, here):
    (here / "out").mkdir()
    assert tinify("compress", photo, log, here / "out").code == 0
    assert sorted(path.name for path in (here / "out").iterdir()) == ["log.tnf", "photo.tnf"]


def test_a_folder_as_input_is_its_readable_files(tinify, here):
    for name in ("in/a.png", "in/sub/b.png", "in/.hidden/c.png"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        picture().save(here / name)
    (here / "in" / "notes.txt").write_text("not for us")
    assert tinify("compress", "in", "-o", "flat").code == 0
    assert [str(path.relative_to("flat")) for path in Path("flat").rglob("*.tnf")] == ["a.tnf"]
    assert tinify("compress", "in", "-o", "tree", "--recursive").code == 0
    assert sorted(str(path.relative_to("tree")) for path in Path("tree").rglob("*.tnf")) == ["a.tnf", "sub/b.tnf"]


def test_an_empty_folder_is_an_input_error(tinify, here):
    (here / "empty").mkdir()
    result = tinify("compress", "empty")
    assert result.code == 3
    assert "--recursive looks into its folders" in result.err


def test_a_pattern_that_the_shell_left_is_expanded(tinify, here):
    for name in ("a.png", "b.png"):
        picture().save(name)
    assert tinify("compress", "*.png").code == 0
    assert sorted(path.name for path in here.glob("*.tnf")) == ["a.tnf", "b.tnf"]
    assert tinify("compress", "*.jpg").code == 3


def test_streams_carry_the_data_and_nothing_else(tinify, photo):
    result = tinify("compress", "-", stdin=photo.read_bytes())
    assert result.code == 0
    assert container.inspect(result.out)["shape"] == [24, 36, 3]
    assert "fake-picture" in result.err
    assert tinify("compress", photo, "-").out == result.out


def test_json_and_data_do_not_share_a_stream(tinify, photo):
    result = tinify("compress", photo, "-", "--json")
    assert (result.code, result.out) == (2, b"")


def test_what_exists_is_kept_unless_told(tinify, photo):
    output = photo.with_suffix(".tnf")
    output.write_bytes(b"precious")
    result = tinify("compress", photo)
    assert result.code == 8
    assert output.read_bytes() == b"precious"
    assert tinify("compress", photo, "--force").code == 0
    assert output.read_bytes() != b"precious"


def test_two_inputs_for_one_output_are_refused_before_any_work(tinify, photo, here):
    picture().save("photo.bmp")
    result = tinify("compress", "photo.png", "photo.bmp")
    assert result.code == 2
    assert "both be written to photo.tnf" in result.err
    assert not list(here.glob("*.tnf"))


def test_several_inputs_do_not_go_to_one_file(tinify, photo, log, here):
    (here / "x.tnf").write_bytes(b"")
    assert tinify("compress", photo, log, "x.tnf").code == 2
    assert tinify("compress", photo, log, "-").code == 2


def test_one_bad_file_does_not_stop_the_others(tinify, photo, log, here):
    (here / "bad.png").write_bytes(b"\x89PNG, not really")
    result = tinify("compress", "photo.png", "bad.png", "gone.png", "log.csv")
    assert result.code == 1
    assert sorted(path.name for path in here.glob("*.tnf")) == ["log.tnf", "photo.tnf"]
    assert "error: bad.png: " in result.err and "error: gone.png: there is no such file" in result.err
    assert "2 of 4 files failed" in result.err


def test_json_tells_of_failures_too(tinify, photo):
    good, bad = json.loads(tinify("compress", "photo.png", "gone.png", "--json").out)
    assert good["output_bytes"] == os.path.getsize("photo.tnf")
    assert good["ratio"] == pytest.approx(good["input_bytes"] / good["output_bytes"], abs=1e-3)
    assert (bad["input"], bad["exit_code"]) == ("gone.png", 3)


def test_quality_and_targets_make_the_rate(tinify, photo):
    sizes = {}
    for name, option in {"low": ["--quality", 5], "high": ["--quality", 95], "psnr": ["--target-psnr", 40]}.items():
        assert tinify("compress", photo, f"{name}.tnf", *option).code == 0
        sizes[name] = os.path.getsize(f"{name}.tnf")
    assert sizes["low"] < sizes["psnr"] < sizes["high"]
    target = 8 * (sizes["low"] + sizes["high"]) / 2 / (24 * 36)
    assert tinify("compress", photo, "bpp.tnf", "--target-bpp", target).code == 0
    assert sizes["low"] < os.path.getsize("bpp.tnf") <= (sizes["low"] + sizes["high"]) / 2
    most = (sizes["low"] + sizes["high"]) // 2
    assert tinify("compress", photo, "bytes.tnf", "--max-bytes", most).code == 0
    assert sizes["low"] < os.path.getsize("bytes.tnf") <= most


@pytest.mark.parametrize(
    "options", [["--quality", "101"], ["--quality", "x"], ["--target-bpp", "0"], ["--quality=5", "--target-bpp=1"],
                ["--max-bytes", "0"], ["--max-bytes=99", "--lossless"]]
)  # fmt: skip
def test_rates_that_make_no_sense_are_wrong_usage(tinify, photo, options):
    result = tinify("compress", photo, *options)
    assert result.code == 2
    assert "error: " in result.err


def test_a_target_out_of_reach_is_an_input_error(tinify, photo, here):
    result = tinify("compress", photo, "--target-bpp", "0.0001")
    assert result.code == 3
    assert f"error: {photo}: 0.0001 bpp cannot be reached" in result.err
    result = tinify("compress", photo, "--max-bytes", "3")
    assert result.code == 3
    assert "3 bytes cannot be reached: the smallest file" in result.err
    assert not list(here.glob("*.tnf"))


def test_an_output_below_a_file_is_an_input_error(tinify, photo):
    result = tinify("compress", photo, photo / "x.tnf")
    assert result.code == 3
    assert "cannot make the folder" in result.err


def test_an_unknown_codec_is_one_error_not_one_a_file(tinify, photo, log):
    result = tinify("compress", photo, log, "--codec", "fake-pictur")
    assert result.code == 6
    assert result.err.count("error:") == 1
    assert "did you mean 'fake-picture'" in result.err


def test_a_codec_folder_is_taken(tinify, photo, here):
    (here / "mine").mkdir()
    (here / "mine" / "codec.toml").write_text('[codec]\nkind = "codec"\nname = "good-picture"\n')
    assert tinify("compress", photo, "--codec", "./mine").code == 0
    assert tinify("decompress", "photo.tnf", "back.png").code == 6
    assert tinify("decompress", "photo.tnf", "back.png", "--codec", "./mine").code == 0


def test_without_input_it_is_wrong_usage(tinify):
    assert tinify("compress").code == 2


def test_an_interrupt_leaves_nothing_half_written(here):
    np.save("x.npy", np.zeros((100, 2), np.float32))
    script = textwrap.dedent(f"""
        import sys, time
        sys.path.insert(0, {str(Path(__file__).parents[1] / "fakes" / "good")!r})
        from tinify.cli import streams
        from tinify.cli.main import main

        def slow(data, target, *, force):
            from tinify import media

            def produce(file):
                file.write(data[: len(data) // 2])
                file.flush()
                print("writing", flush=True)
                time.sleep(60)

            media.write_whole(target, produce, overwrite=force)

        streams.write_data = slow
        main(["compress", "x.npy", "--codec", "fake-numbers"])
    """)
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", script], stdout=pipe, stderr=pipe, text=True)
    assert process.stdout.readline() == "writing\n"
    assert len(list(here.iterdir())) == 2
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.strip().endswith("nothing half-written is left")
    assert [path.name for path in here.iterdir()] == ["x.npy"]


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_every_kind_of_picture_round_trips(tinify, here, mode):
    picture(mode=mode).save("a.png")
    assert tinify("compress", "a.png", "--quality", 100).code == 0
    assert tinify("decompress", "a.tnf", "b.png").code == 0
    with Image.open("a.png") as a, Image.open("b.png") as b:
        assert a.mode == b.mode
        assert np.abs(np.asarray(a).astype(int) - np.asarray(b)).max() <= 1
