# SPDX-License-Identifier: Apache-2.0
"""Large pictures on the command line: tiles, regions, raw files in pieces."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.models.image.scenes import scene
from tinify import api, container

CODEC = ["--codec", "photo-fast"]


@pytest.fixture
def wide(tinify, here):
    """wide.ppm and wide.npy, the same picture, and wide.tnf in 2 x 3 tiles."""
    x = scene(90, 130)
    Image.fromarray(x).save("wide.ppm")
    np.save("wide.npy", x)
    assert tinify("compress", "wide.ppm", *CODEC, "--tile", 48, "--quality", 70).code == 0
    return x


@pytest.mark.parametrize("source", ["wide.npy", "wide.png", "wide.ppm"])
def test_every_kind_of_file_becomes_the_same_tiles(tinify, wide, source):
    Image.fromarray(wide).save("wide.png")
    data = Path("wide.tnf").read_bytes()
    assert len(container.EntryReader(data)) == 6 and data == api.compress(wide, "photo-fast", 70, tile=48)
    arguments = ["compress", source, "again.tnf", *CODEC, "--tile", 48, "--quality", 70, "--threads", 1]
    assert tinify(*arguments).code == 0 and Path("again.tnf").read_bytes() == data
    assert tinify("verify", "again.tnf").code == 0
    shown = json.loads(tinify("inspect", "again.tnf", "--json").out)
    assert [section["name"] for section in shown["sections"]] == ["index", "payload"]


@pytest.mark.parametrize("output", ["back.ppm", "back.npy", "back.png", "-"])
def test_a_picture_in_tiles_comes_back_as_any_kind_of_file(tinify, wide, output):
    expected = api.decompress("wide.tnf")
    result = tinify("decompress", "wide.tnf", output)
    assert result.code == 0
    if output == "-":
        Path("back.png").write_bytes(result.out)
        output = "back.png"
    found = np.load(output) if output.endswith("npy") else np.asarray(Image.open(output))
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("output", ["part.ppm", "part.png"])
def test_a_region_is_that_part_of_the_picture(tinify, wide, output):
    expected = api.decompress("wide.tnf")[30:80, 40:120]
    report = tinify("decompress", "wide.tnf", output, "--region", "30,40,50,80", "--json")
    assert json.loads(report.out)[0]["shape"] == [50, 80, 3]
    assert np.array_equal(np.asarray(Image.open(output)), expected)


def test_a_region_from_standard_input_and_of_a_file_without_tiles(tinify, wide):
    data = api.compress(wide, "photo-fast", 70)
    assert tinify("decompress", "-", "part.npy", "--region", "1,2,3,4", stdin=data).code == 0
    assert np.array_equal(np.load("part.npy"), api.decompress(data)[1:4, 2:6])


@pytest.mark.parametrize(
    ("region", "code"), [("0,0,91,1", 3), ("90,0,1,1", 3), ("0,0,0,1", 3), ("1,2,3", 2), ("-1,0,1,1", 2), ("a", 2)]
)
def test_regions_that_are_not_there_leave_nothing(tinify, wide, region, code):
    result = tinify("decompress", "wide.tnf", "part.png", f"--region={region}")
    assert result.code == code and not Path("part.png").exists()
    assert "region" in result.err


def test_a_region_goes_with_neither_rows_nor_scale(tinify, wide):
    for other in (["--rows", "0:1"], ["--scale", "1/2"]):
        assert tinify("decompress", "wide.tnf", "--region", "0,0,1,1", *other).code == 2


def test_damage_in_a_tile_leaves_nothing(tinify, wide):
    data = bytearray(Path("wide.tnf").read_bytes())
    data[-30] ^= 1
    Path("bad.tnf").write_bytes(data)
    assert tinify("decompress", "bad.tnf", "bad.ppm").code == 4
    assert not list(Path().glob("*bad.ppm*"))
    assert tinify("decompress", "bad.tnf", "sound.ppm", "--region", "0,0,40,40").code == 0


def test_tiles_beyond_the_limits_and_of_other_codecs_are_refused(tinify, wide, log):
    assert tinify("compress", "wide.ppm", "x.tnf", *CODEC, "--tile", 7).code == 2
    assert tinify("compress", log, "x.tnf", "--tile", 64).code == 2
    assert not Path("x.tnf").exists()


def test_targets_are_met_of_a_raw_file(tinify, wide):
    assert tinify("compress", "wide.npy", "x.tnf", *CODEC, "--max-bytes", 3000, "--tile", 48).code == 0
    assert Path("x.tnf").stat().st_size <= 3000
    assert tinify("compress", "wide.npy", "-", *CODEC, "--lossless").code == 0
