# SPDX-License-Identifier: Apache-2.0
"""Files appear whole or not at all, and are not overwritten by accident."""

import io
import os

import pytest

from tinify.errors import InputError, OutputExistsError
from tinify.media.files import check_free, read_bytes, write_whole


def test_bytes_come_from_paths_buffers_and_files(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"abc")
    with open(path, "rb") as file:
        assert read_bytes(path) == read_bytes(str(path)) == read_bytes(file) == b"abc"
    assert read_bytes(bytearray(b"abc")) == read_bytes(memoryview(b"abc")) == read_bytes(io.BytesIO(b"abc")) == b"abc"


def test_what_cannot_be_read_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_bytes(tmp_path / "missing")
    with pytest.raises(InputError, match="folder"):
        read_bytes(tmp_path)
    with pytest.raises(InputError, match="binary"):
        read_bytes(io.StringIO("text"))


def test_a_file_is_written_with_the_usual_mode(tmp_path):
    path = write_whole(tmp_path / "out.bin", lambda file: file.write(b"new"))
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    assert path.read_bytes() == b"new" and path.stat().st_mode == plain.stat().st_mode
    assert sorted(os.listdir(tmp_path)) == ["out.bin", "plain"]


def test_nothing_is_overwritten_without_being_told(tmp_path):
    path = tmp_path / "out.bin"
    path.write_bytes(b"old")
    with pytest.raises(OutputExistsError):
        check_free(path, overwrite=False)
    with pytest.raises(OutputExistsError):
        write_whole(path, lambda file: file.write(b"new"))
    assert path.read_bytes() == b"old"
    write_whole(path, lambda file: file.write(b"new"), overwrite=True)
    assert path.read_bytes() == b"new" and os.listdir(tmp_path) == ["out.bin"]


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path):
    path = tmp_path / "out.bin"

    def produce(file):
        path.write_bytes(b"somebody else's")
        file.write(b"new")

    with pytest.raises(OutputExistsError):
        write_whole(path, produce)
    assert path.read_bytes() == b"somebody else's" and os.listdir(tmp_path) == ["out.bin"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_failure_leaves_what_was_there(tmp_path, overwrite):
    path = tmp_path / "out.bin"
    if overwrite:
        path.write_bytes(b"old")

    def produce(file):
        file.write(b"half")
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError):
        write_whole(path, produce, overwrite=overwrite)
    assert os.listdir(tmp_path) == (["out.bin"] if overwrite else [])
    assert not overwrite or path.read_bytes() == b"old"


def test_a_missing_folder_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="cannot write"):
        write_whole(tmp_path / "no" / "out.bin", lambda file: None)
