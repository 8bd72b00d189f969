# SPDX-License-Identifier: Apache-2.0
import io
import os

import numpy as np
import pytest

from tinify import media
from tinify.errors import InputError
from tinify.media.rows import NpyRows

ARRAYS = {
    "two axes": np.arange(60, dtype=np.float32).reshape(20, 3),
    "one axis": np.arange(20, dtype=np.int16),
    "other byte order": np.arange(40, dtype=">f8").reshape(20, 2),
    "bool": np.arange(20) % 3 == 0,
}


@pytest.mark.parametrize("x", ARRAYS.values(), ids=ARRAYS)
def test_rows_are_those_that_reading_the_whole_gives(tmp_path, x):
    np.save(tmp_path / "x.npy", x)
    found, whole = media.open_rows(tmp_path / "x.npy"), media.read(tmp_path / "x.npy")
    assert found.metadata == whole.metadata and isinstance(found.samples, NpyRows)
    assert found.samples.shape == whole.samples.shape and found.samples.dtype == whole.samples.dtype
    assert len(found.samples) == 20 and found.samples.size == x.size
    for rows in (slice(0, 20), slice(3, 7), slice(18, 30), slice(5, 5), slice(None)):
        np.testing.assert_array_equal(found.samples[rows], whole.samples[rows])
    with pytest.raises(InputError, match="steps of 2"):
        found.samples[::2]


@pytest.mark.parametrize("x", ARRAYS.values(), ids=ARRAYS)
def test_pieces_give_the_file_that_writing_the_whole_gives(tmp_path, x):
    np.save(tmp_path / "x.npy", x)
    signal = media.read(tmp_path / "x.npy")
    out = io.BytesIO()
    pieces = np.array_split(signal.samples, 3)
    media.write_rows(pieces, signal.samples.shape, signal.samples.dtype, signal.metadata, out)
    media.write(signal, tmp_path / "y.npy")
    assert out.getvalue() == (tmp_path / "y.npy").read_bytes()


def test_what_has_to_be_read_as_a_whole_is_left_to_the_reader(tmp_path):
    np.save(tmp_path / "columns.npy", np.asfortranarray(np.zeros((5, 3))))
    np.save(tmp_path / "long.npy", np.zeros((5, 3), np.longdouble))
    np.save(tmp_path / "cube.npy", np.zeros((5, 3, 2)))
    np.save(tmp_path / "empty.npy", np.zeros((0, 3)))
    np.savez(tmp_path / "x.npz", x=np.zeros((5, 3)))
    (tmp_path / "x.csv").write_text("1,2\n3,4\n")
    (tmp_path / "bad.npy").write_bytes(b"\x93NUMPY\x01\x00\xff\xff")
    for path in [*tmp_path.iterdir(), tmp_path / "gone.npy"]:
        assert media.open_rows(path) is None, path


def test_a_file_that_is_cut_off_or_becomes_shorter_is_an_input_error(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((100, 2)))
    rows = media.open_rows(tmp_path / "x.npy").samples
    os.truncate(tmp_path / "x.npy", 1000)
    assert rows[:10].shape == (10, 2)
    with pytest.raises(InputError, match="became shorter"):
        rows[90:]
    with pytest.raises(InputError, match="cut off"):
        media.open_rows(tmp_path / "x.npy")
