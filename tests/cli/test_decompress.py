# SPDX-License-Identifier: Apache-2.0
import io
import json

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def packed(tinify, photo, log):
    """photo.tnf and log.tnf, without what they came from."""
    assert tinify("compress", photo, log, "--quality", "100").code == 0
    photo.unlink()
    log.unlink()
    return photo.with_suffix(".tnf"), log.with_suffix(".tnf")


def test_the_kind_of_file_comes_back(tinify, packed, here):
    assert tinify("decompress", *packed).code == 0
    assert (here / "log.csv").read_text().startswith("time,level,count\n2026-01-01T00:00:00,")
    with Image.open(here / "photo.png") as restored:
        assert restored.size == (36, 24)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_arrays_come_back_as_arrays(tinify, here, suffix):
    {".npy": np.save, ".npz": np.savez}[suffix](f"x{suffix}", np.arange(60, dtype=np.float32).reshape(20, 3))
    assert tinify("compress", f"x{suffix}").code == 0
    assert tinify("decompress", "x.tnf", "-o", "out/").code == 0
    assert (here / "out" / f"x{suffix}").is_file()


def test_the_output_can_be_named(tinify, packed, here):
    assert tinify("decompress", packed[0], here / "other.bmp").code == 0
    with Image.open(here / "other.bmp") as restored:
        assert restored.format == "BMP"


def test_format_chooses_the_extension_of_what_is_not_named(tinify, packed, here):
    assert tinify("decompress", packed[0], "--format", "BMP").code == 0
    assert (here / "photo.bmp").is_file()


def test_a_kind_of_file_that_cannot_hold_the_signal_is_an_input_error(tinify, packed):
    assert tinify("decompress", packed[1], "x.png").code == 3
    assert tinify("decompress", packed[0], "x.unknown").code == 3


def test_streams_carry_the_data_and_nothing_else(tinify, packed):
    result = tinify("decompress", "-", stdin=packed[0].read_bytes())
    assert result.code == 0
    with Image.open(io.BytesIO(result.out)) as restored:
        assert restored.format == "PNG"
    assert tinify("decompress", packed[0], "-").out == result.out
    assert tinify("decompress", packed[0], "-", "--json").code == 2


def test_what_exists_is_kept_unless_told(tinify, packed, here):
    (here / "photo.png").write_bytes(b"precious")
    assert tinify("decompress", packed[0]).code == 8
    assert (here / "photo.png").read_bytes() == b"precious"
    assert tinify("decompress", packed[0], "-f").code == 0
    assert (here / "photo.png").read_bytes() != b"precious"


def test_a_folder_keeps_its_tree(tinify, packed, here):
    (here / "in" / "sub").mkdir(parents=True)
    packed[0].rename(here / "in" / "sub" / "photo.tnf")
    assert tinify("decompress", "in", "-r", "-o", "out").code == 0
    assert (here / "out" / "sub" / "photo.png").is_file()


def test_a_small_picture_comes_from_the_beginning_of_a_file(tinify, photo, here):
    assert tinify("compress", photo, "x.tnf", "--codec", "jpeg2000-like").code == 0
    assert tinify("decompress", "x.tnf", "small.png", "--scale", "1/8").code == 0
    (here / "start.tnf").write_bytes((here / "x.tnf").read_bytes()[:-20])
    assert tinify("decompress", "start.tnf", "same.png", "--scale", "8").code == 0
    assert (here / "same.png").read_bytes() == (here / "small.png").read_bytes()
    with Image.open(here / "small.png") as small:
        assert small.size == (5, 3)
    assert tinify("decompress", "start.tnf", "whole.png").code == 4
    for scale, code in {"1/3": 3, "1/64": 3, "0": 2, "half": 2}.items():
        assert tinify("decompress", "x.tnf", "other.png", "--scale", scale).code == code


def test_damage_is_exit_code_4_and_leaves_nothing(tinify, packed, here):
    data = packed[0].read_bytes()
    (here / "cut.tnf").write_bytes(data[:-10])
    (here / "other.tnf").write_bytes(b"not this")
    for name in ("cut.tnf", "other.tnf"):
        result = tinify("decompress", name)
        assert result.code == 4
        assert result.err.startswith(f"error: {name}: ")
    assert not list(here.glob("*.png"))


def test_one_bad_file_does_not_stop_the_others(tinify, packed, here):
    (here / "bad.tnf").write_bytes(b"bad")
    result = tinify("decompress", "bad.tnf", packed[0], "--json")
    assert result.code == 1
    bad, good = json.loads(result.out)
    assert (bad["exit_code"], good["output"]) == (4, str(here / "photo.png"))
