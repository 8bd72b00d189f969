# SPDX-License-Identifier: Apache-2.0
import hashlib
import threading

import pytest

from tinify.errors import WeightsError
from tinify.zoo import download
from tinify.zoo.download import fetch

BODY = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "weights.bin"


def left(path):
    return sorted(p.name for p in path.parent.iterdir())


@pytest.mark.parametrize("digits", [8, 64])
def test_a_file_with_the_right_hash_is_all_that_is_there_at_the_end(file_server, path, digits):
    server = file_server({"w": BODY})
    fetch(f"{server.url}/w", path, SHA256[:digits])
    assert path.read_bytes() == BODY
    assert left(path) == ["weights.bin"]
    assert server.ranges == [None]


def test_a_transfer_that_stopped_is_continued_by_the_next_call(file_server, path):
    server = file_server({"w": BODY}, cuts=[1000, 0])
    with pytest.raises(WeightsError, match=r"cut off after 1000 of 256000 bytes; 1000 bytes are kept"):
        fetch(f"{server.url}/w", path, SHA256)
    assert left(path) == ["weights.bin.part"]
    fetch(f"{server.url}/w", path, SHA256)
    assert path.read_bytes() == BODY
    assert left(path) == ["weights.bin"]
    assert server.ranges == [None, "bytes=1000-", "bytes=1000-"]
    assert server.sent == len(BODY)


def test_a_transfer_goes_on_by_itself_while_every_answer_brings_something(file_server, path):
    server = file_server({"w": BODY}, cuts=[1000, 50, 7000])
    fetch(f"{server.url}/w", path, SHA256)
    assert path.read_bytes() == BODY
    assert server.ranges == [None, "bytes=1000-", "bytes=1050-", "bytes=8050-"]


def test_it_gives_up_after_some_answers_and_keeps_what_came(file_server, path):
    server = file_server({"w": BODY}, cuts=[10] * 100)
    with pytest.raises(WeightsError, match="50 bytes are kept"):
        fetch(f"{server.url}/w", path, SHA256)
    assert len(server.ranges) == download.ATTEMPTS


def test_a_server_without_ranges_sends_the_whole_again(file_server, path):
    server = file_server({"w": BODY}, cuts=[1000], knows_ranges=False)
    fetch(f"{server.url}/w", path, SHA256)
    assert path.read_bytes() == BODY
    assert server.sent == len(BODY) + 1000


def test_a_server_that_tells_no_length_will_do(file_server, path):
    fetch(f"{file_server({'w': BODY}, tells_length=False).url}/w", path, SHA256)
    assert path.read_bytes() == BODY


def test_another_hash_is_refused_and_nothing_kept(file_server, path):
    with pytest.raises(WeightsError, match=rf"has sha256 {SHA256} instead of 00000000; nothing was kept"):
        fetch(f"{file_server({'w': BODY}).url}/w", path, "00000000")
    assert left(path) == []


@pytest.mark.parametrize("stale", [b"of another file", BODY + b"longer", b"\0" * len(BODY)], ids=len)
def test_a_part_that_is_no_part_of_the_file_is_fetched_anew(file_server, path, stale):
    path.parent.mkdir()
    path.with_name("weights.bin.part").write_bytes(stale)
    fetch(f"{file_server({'w': BODY}).url}/w", path, SHA256)
    assert path.read_bytes() == BODY
    assert left(path) == ["weights.bin"]


def test_a_part_that_is_complete_needs_no_server(path):
    path.parent.mkdir()
    path.with_name("weights.bin.part").write_bytes(BODY)
    fetch("http://127.0.0.1:9/w", path, SHA256)
    assert path.read_bytes() == BODY


def test_a_server_without_the_file_leaves_nothing(file_server, path):
    with pytest.raises(WeightsError, match=r"cannot fetch http://.*/gone: .*404"):
        fetch(f"{file_server().url}/gone", path, SHA256)
    assert left(path) == []


def test_no_server_at_all_leaves_nothing(file_server, path):
    server = file_server()
    server.close()
    with pytest.raises(WeightsError, match="cannot fetch"):
        fetch(f"{server.url}/w", path, SHA256)
    assert left(path) == []


def test_a_move_is_followed_with_the_range_but_not_to_a_file_of_this_machine(file_server, path, tmp_path):
    server = file_server({"w": BODY}, cuts=[0, 1000])
    server.moved["old"] = f"{server.url}/w"
    fetch(f"{server.url}/old", path, SHA256)
    assert server.ranges == [None, None, "bytes=1000-", "bytes=1000-"]
    (tmp_path / "secret").write_bytes(BODY)
    server.moved["old"] = (tmp_path / "secret").as_uri()
    with pytest.raises(WeightsError, match="cannot fetch"):
        fetch(f"{server.url}/old", path.with_name("other.bin"), SHA256)


def test_a_body_without_end_is_stopped(file_server, path, monkeypatch):
    monkeypatch.setattr(download, "LARGEST", 1000)
    with pytest.raises(WeightsError, match="larger than 1000 bytes"):
        fetch(f"{file_server({'w': BODY}).url}/w", path, SHA256)
    assert left(path) == []


@pytest.mark.skipif(download.fcntl is None, reason="no file locks on this system")
def test_who_wants_the_same_file_at_the_same_time_waits_for_it(file_server, path):
    server = file_server({"w": BODY})
    threads = [threading.Thread(target=fetch, args=(f"{server.url}/w", path, SHA256)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() == BODY
    assert left(path) == ["weights.bin"]
    assert server.ranges == [None]


def test_progress_is_shown_on_a_terminal_only(file_server, path, monkeypatch, capsys):
    server = file_server({"w": BODY})
    fetch(f"{server.url}/w", path.with_name("a"), SHA256, progress=True)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    fetch(f"{server.url}/w", path.with_name("b"), SHA256, progress=True)
    assert capsys.readouterr().err.endswith("b: 0.3 of 0.3 MB\n")
