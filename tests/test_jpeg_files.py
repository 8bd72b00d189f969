# SPDX-License-Identifier: Apache-2.0
"""JPEG files to .tnf files and back: the same bytes, smaller, and typed errors for all that is none."""

import io

import numpy as np
import pytest
from PIL import Image

import tinify
from tests.models.image.scenes import scene
from tinify import jpeg_files
from tinify.errors import DesyncError, FormatError, InputError, MissingExtraError


@pytest.fixture(scope="module")
def photo():
    file = io.BytesIO()
    Image.fromarray(scene(200, 264)).save(file, "JPEG", quality=85, comment=b"a comment")
    return file.getvalue()


@pytest.fixture(scope="module")
def packed(photo):
    pytest.importorskip("jpeglib", reason="jpeglib is not installed")
    return jpeg_files.repack(photo)


def test_the_file_comes_back_byte_for_byte_from_fewer(photo, packed):
    assert jpeg_files.restore(packed) == photo
    assert len(packed) < 0.85 * len(photo)


def test_paths_and_open_files_are_read(photo, packed, tmp_path):
    (tmp_path / "photo.jpg").write_bytes(photo)
    assert jpeg_files.repack(tmp_path / "photo.jpg") == jpeg_files.repack(io.BytesIO(photo)) == packed


def test_it_is_a_picture_as_any_other(photo, packed):
    found, wanted = tinify.decompress(packed), np.asarray(Image.open(io.BytesIO(photo)))
    assert found.shape == wanted.shape and np.abs(found.astype(int) - wanted).mean() < 0.6
    assert tinify.decompress(packed, scale=8).shape == (25, 33, 3)


def test_restoring_needs_no_extra(photo, packed, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "jpeglib", None)
    assert jpeg_files.restore(packed) == photo
    with pytest.raises(MissingExtraError, match="jpeg"):
        jpeg_files.repack(photo)


def test_other_files_are_input_errors(packed):
    for data in (b"\x89PNG\r\n", b"", packed):
        with pytest.raises(InputError):
            jpeg_files.repack(data)
    with pytest.raises(InputError, match="no such file"):
        jpeg_files.repack("missing.jpg")


def test_a_picture_that_is_no_jpeg_file_is_not_restored():
    data = tinify.compress(scene(16, 16), codec="jpeg-like")
    with pytest.raises(InputError, match="holds no JPEG"):
        jpeg_files.restore(data)


def test_a_codec_that_cannot_hold_jpeg_files_is_named(photo):
    with pytest.raises(InputError, match="photo-best"):
        jpeg_files.repack(photo, "photo-best")


def test_damage_and_other_weights_are_typed_errors(packed):
    with pytest.raises(FormatError):
        jpeg_files.restore(packed[:-9])
    other = tinify.build({"kind": "codec", "name": "jpeg-like"})
    with pytest.raises(DesyncError):
        jpeg_files.restore(packed, other)
