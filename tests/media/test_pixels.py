# SPDX-License-Identifier: Apache-2.0
"""Raw pictures row by row: the same samples and files as when they are read and written as a whole."""

import numpy as np
import pytest
from PIL import Image

from tinify import media
from tinify.errors import InputError
from tinify.signal import Signal


def picture(channels=3):
    return np.random.default_rng(0).integers(0, 256, (30, 21, channels), np.uint8)


@pytest.mark.parametrize(("name", "channels"), [("x.ppm", 3), ("x.pgm", 1)])
def test_rows_are_those_that_pillow_reads(tmp_path, name, channels):
    x, path = picture(channels), tmp_path / name
    Image.fromarray(x[..., 0] if channels == 1 else x).save(path)
    found = media.open_pixels(path)
    assert found.modality == "image" and found.samples.shape == x.shape == media.read(path).samples.shape
    assert np.array_equal(found.samples[:], x) and np.array_equal(found.samples[7:12], x[7:12])
    assert found.samples[30:].shape == (0, 21, channels)


@pytest.mark.parametrize(("name", "channels"), [("x.ppm", 3), ("x.pgm", 1), ("x.npy", 4)])
def test_rows_of_sixteen_bits_are_read_and_written_as_the_whole_is(tmp_path, name, channels):
    x, path = picture(channels) * np.uint16(257) + np.uint16(3), tmp_path / name
    media.write(Signal("image", x), path)
    found = media.open_pixels(path).samples
    assert found.dtype == np.uint16 and found[:].dtype.isnative
    assert np.array_equal(found[:], x) and np.array_equal(found[7:12], x[7:12])
    assert media.writes_pixels(path.suffix, channels, found.dtype)
    with open(tmp_path / "again", "wb") as file:
        media.write_pixels((x[a : a + 7] for a in range(0, 30, 7)), x.shape, {}, file, path.suffix, found.dtype)
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_arrays_of_floats_are_pictures_and_no_ppm(tmp_path):
    x = picture() / np.float32(255)
    np.save(tmp_path / "x.npy", x)
    found = media.open_pixels(tmp_path / "x.npy").samples
    assert found.dtype == np.float32 and np.array_equal(found[3:9], x[3:9])
    assert not media.writes_pixels(".ppm", 3, found.dtype)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_arrays_of_three_axes_are_pictures(tmp_path, channels):
    np.save(tmp_path / "x.npy", picture(channels))
    assert np.array_equal(media.open_pixels(tmp_path / "x.npy").samples[3:9], picture(channels)[3:9])


@pytest.mark.parametrize(
    "x",
    [np.zeros((4, 5)), np.zeros((4, 5, 3)), np.zeros((4, 5, 5), np.uint8), np.zeros((0, 5, 3), np.uint8),
     np.asfortranarray(picture()), np.zeros((4, 5), np.uint8)],
    ids=["series", "floats", "five channels", "empty", "columns", "two axes"],
)  # fmt: skip
def test_other_arrays_are_not(tmp_path, x):
    np.save(tmp_path / "x.npy", x)
    assert media.open_pixels(tmp_path / "x.npy") is None


def test_comments_and_any_spaces_may_stand_in_the_head(tmp_path):
    x = picture()
    (tmp_path / "x.ppm").write_bytes(b"P6 # a comment\n#  21 99\n21\t30 #\r\n 255\n" + x.tobytes())
    assert np.array_equal(media.open_pixels(tmp_path / "x.ppm").samples[:], x)


@pytest.mark.parametrize("head", [b"P6 21 30 65534\n", b"P3 21 30 255\n", b"P6 0 30 255\n", b"P6 21 30", b"", b"P6x"])
def test_other_heads_are_left_to_pillow(tmp_path, head):
    (tmp_path / "x.ppm").write_bytes(head + bytes(6000))
    assert media.open_pixels(tmp_path / "x.ppm") is None


def test_a_picture_that_is_cut_off_is_an_input_error(tmp_path):
    path = tmp_path / "x.ppm"
    path.write_bytes(b"P6 21 30 255\n" + picture().tobytes()[:-1])
    with pytest.raises(InputError, match="cut off"):
        media.open_pixels(path)
    path.write_bytes(b"P6 21 30 255\n" + picture().tobytes())
    rows = media.open_pixels(path).samples
    path.write_bytes(b"P6 21 30 255\n")
    with pytest.raises(InputError, match="shorter"):
        rows[5:6]


def test_a_missing_file_is_left_to_who_reads_it(tmp_path):
    assert media.open_pixels(tmp_path / "none.ppm") is None


@pytest.mark.parametrize(("extension", "channels"), [(".ppm", 3), (".ppm", 1), (".pgm", 1), (".npy", 3), (".npy", 4)])
def test_bands_make_the_file_that_the_whole_makes(tmp_path, extension, channels):
    x, path = picture(channels), tmp_path / f"x{extension}"
    assert media.writes_pixels(extension, channels)
    with open(path, "wb") as file:
        media.write_pixels((x[a : a + 7] for a in range(0, 30, 7)), x.shape, {}, file, extension)
    whole = media.write(Signal("image", x), tmp_path / f"y{extension}")
    assert path.read_bytes() == whole.read_bytes()


def test_what_cannot_be_written_so_is_said(tmp_path):
    assert not media.writes_pixels(".png", 3) and not media.writes_pixels(".ppm", 4)
    with pytest.warns(UserWarning, match="ICC"), open(tmp_path / "x.ppm", "wb") as file:
        media.write_pixels([picture()], picture().shape, {"icc": b"x"}, file, ".ppm")
