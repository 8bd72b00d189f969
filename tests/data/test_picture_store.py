# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tinify.data.picture_store import open_pack, read_pictures, write_pack
from tinify.errors import FormatError, InputError


def _pictures(*sizes):
    random = np.random.default_rng(0)
    return [random.integers(256, size=(*size, 3), dtype=np.uint8) for size in sizes]


def test_a_pack_gives_its_pictures_back(tmp_path):
    pictures = _pictures((40, 30), (1, 7), (25, 60))
    assert write_pack(pictures, tmp_path / "a.pictures") == 3
    for picture, back in zip(pictures, open_pack(tmp_path / "a.pictures"), strict=True):
        assert np.array_equal(picture, back)
    assert [path.name for path in tmp_path.iterdir()] == ["a.pictures"]


def test_tiles_are_all_of_the_picture_and_none_is_larger(tmp_path):
    (picture,) = _pictures((40, 65))
    assert write_pack([picture], tmp_path / "a.pictures", tile=32) == 6
    tiles = open_pack(tmp_path / "a.pictures")
    assert all(max(tile.shape[:2]) <= 32 for tile in tiles)
    rows = [np.concatenate(tiles[i : i + 3], 1) for i in (0, 3)]
    assert np.array_equal(np.concatenate(rows), picture)


def test_folders_and_packs_can_be_mixed_and_small_pictures_are_left_out(tmp_path):
    (tmp_path / "more").mkdir()
    one, small, packed = _pictures((40, 30), (40, 10), (25, 60))
    Image.fromarray(one).save(tmp_path / "more" / "b.PNG")
    Image.fromarray(small).save(tmp_path / "c.png")
    (tmp_path / "notes.txt").write_text("no picture")
    write_pack([packed], tmp_path / "a.pictures")
    found = read_pictures([tmp_path, tmp_path / "a.pictures"], smallest=20)
    assert [np.array_equal(a, b) for a, b in zip(found, [one, packed], strict=True)] == [True, True]


def test_without_a_picture_that_is_large_enough_there_is_an_error(tmp_path):
    Image.fromarray(_pictures((40, 30))[0]).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"no picture of at least 31x31 in "):
        read_pictures([tmp_path], 31)
    with pytest.raises(InputError, match=r"nowhere: no such folder or pack file"):
        read_pictures([tmp_path / "nowhere"])


def test_a_file_that_is_no_picture_is_named(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"a\.png cannot be read as a picture"):
        read_pictures([tmp_path])


def test_an_interrupted_pack_leaves_nothing(tmp_path):
    def broken():
        yield from _pictures((4, 4))
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        write_pack(broken(), tmp_path / "a.pictures")
    assert not list(tmp_path.iterdir())


@given(place=st.integers(0, 200), value=st.integers(0, 255), length=st.integers(0, 200))
def test_a_damaged_pack_is_a_format_error_or_still_a_pack(tmp_path_factory, place, value, length):
    path = tmp_path_factory.mktemp("pack") / "a.pictures"
    write_pack(_pictures((4, 5), (3, 3)), path)
    data = bytearray(path.read_bytes())
    data[place % len(data)] = value
    path.write_bytes(data[: max(len(data) - length, 0)] if length > 100 else data)
    try:
        pictures = open_pack(path)
    except FormatError:
        return
    assert sum(picture.size for picture in pictures) <= len(data)
