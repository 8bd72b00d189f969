# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest
from PIL import Image

from tests.models.image.scenes import scene

pytest.importorskip("jpeglib", reason="jpeglib is not installed")


@pytest.fixture
def jpeg(here):
    Image.fromarray(scene(90, 120)).save(here / "photo.jpg", quality=80)
    return here / "photo.jpg"


def test_a_jpeg_file_comes_back_as_it_was(tinify, jpeg, here):
    before = jpeg.read_bytes()
    result = tinify("repack", jpeg)
    assert result.code == 0 and "% less)  jpeg-like" in result.text
    assert (here / "photo.tnf").stat().st_size < len(before)
    jpeg.unlink()
    assert tinify("decompress", "photo.tnf").code == 0
    assert jpeg.read_bytes() == before


def test_outputs_can_be_named(tinify, jpeg, here):
    before = jpeg.read_bytes()
    assert tinify("repack", jpeg, "-o", "small.tnf").code == 0
    assert tinify("decompress", "small.tnf", "again.jpeg").code == 0
    assert (here / "again.jpeg").read_bytes() == before


@pytest.mark.parametrize("output", [["photo.png"], ["--format", "png"], ["--scale", "1/2"]])
def test_the_picture_comes_as_another_kind_of_file(tinify, jpeg, here, output):
    assert tinify("repack", jpeg).code == 0
    assert tinify("decompress", "photo.tnf", *output).code == 0
    found, wanted = np.asarray(Image.open(here / "photo.png")), np.asarray(Image.open(jpeg))
    if "--scale" in output:
        assert found.shape == (45, 60, 3)
    else:
        assert np.abs(found.astype(int) - wanted).mean() < 0.6


def test_a_folder_keeps_its_folders_and_says_what_failed(tinify, jpeg, here):
    (here / "in" / "deep").mkdir(parents=True)
    jpeg.rename(here / "in" / "deep" / "a.JPG")
    (here / "in" / "b.jpeg").write_bytes(b"no picture")
    (here / "in" / "c.png").write_bytes(b"not looked at")
    result = tinify("repack", "-r", "in", "-o", "out", "--json")
    assert result.code == 1 and (here / "out" / "deep" / "a.tnf").is_file()
    rows = json.loads(result.text)
    assert sorted("error" in row for row in rows) == [False, True]
    assert next(row for row in rows if "error" not in row)["saved_percent"] > 10


def test_streams_carry_the_data(tinify, jpeg):
    before = jpeg.read_bytes()
    packed = tinify("repack", "-", stdin=before)
    assert packed.code == 0
    restored = tinify("decompress", "-", stdin=packed.out)
    assert restored.code == 0 and restored.out == before


def test_an_output_that_exists_stays_without_force(tinify, jpeg, here):
    (here / "photo.tnf").write_bytes(b"mine")
    assert tinify("repack", jpeg).code == 8 and (here / "photo.tnf").read_bytes() == b"mine"
    assert tinify("repack", jpeg, "--force").code == 0
    assert tinify("decompress", "photo.tnf").code == 8


def test_what_is_no_jpeg_is_an_input_error(tinify, photo):
    assert tinify("repack", photo).code == 3


def test_verify_and_inspect_know_the_file(tinify, jpeg):
    assert tinify("repack", jpeg).code == 0
    result = tinify("verify", "photo.tnf")
    assert result.code == 0 and "90x120x3" in result.text
    assert "jpeg-like" in tinify("inspect", "photo.tnf").text


def test_the_help_says_how(tinify):
    text = tinify("repack", "--help").text
    assert "tinify decompress photo.tnf" in text and "tinify-codec[jpeg]" in text
