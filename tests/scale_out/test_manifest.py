# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from tinify.scale_out.manifest import Manifest
from tinify.scale_out.places import open_place


@pytest.fixture
def place(tmp_path):
    place = open_place(str(tmp_path))
    place.prepare()
    return place


def opened(place):
    manifest = Manifest(place)
    manifest.read()
    return manifest


def row(name, status="done", **more):
    return {"name": name, "status": status, **more}


def test_the_last_row_of_a_name_counts(place):
    manifest = opened(place)
    manifest.add([row("a", "planned"), row("b", "planned")])
    manifest.add([row("a", bytes=3)])
    assert opened(place).rows == {"a": row("a", bytes=3), "b": row("b", "planned")}


def test_closing_leaves_one_line_for_each_name_and_the_settings_in_use(place, tmp_path):
    manifest = opened(place)
    manifest.add([{"settings": "old", "how": {}}, {"settings": "new", "how": {"quality": 5}}])
    manifest.add([row("a", "planned"), row("a", settings="new")])
    manifest.close()
    lines = [json.loads(line) for line in (tmp_path / ".tinify-manifest.jsonl").read_text().splitlines()]
    assert lines == [{"settings": "new", "how": {"quality": 5}}, row("a", settings="new")]


def test_a_line_that_was_cut_off_is_passed_over_and_does_not_spoil_the_next(place, tmp_path):
    path = tmp_path / ".tinify-manifest.jsonl"
    path.write_text(json.dumps(row("a")) + "\n" + '{"name": "b", "sta')
    manifest = opened(place)
    assert list(manifest.rows) == ["a"]
    manifest.add([row("c")])
    assert list(opened(place).rows) == ["a", "c"]


@pytest.mark.parametrize(
    "line", [b"\xff\xfe\x00", b"[1, 2]", b'"a"', b'{"name": 5}', b"null", b"1" * 5000, b"[" * 9999]
)
def test_lines_that_are_none_of_ours_are_passed_over(place, tmp_path, line):
    (tmp_path / ".tinify-manifest.jsonl").write_bytes(line + b"\n" + json.dumps(row("a")).encode())
    assert list(opened(place).rows) == ["a"]


@pytest.mark.parametrize("name", ["ä.png", "new\nline.png", "\u2028.png", "bytes that are no text: \udcff"])
def test_names_come_back(place, name):
    manifest = opened(place)
    manifest.add([row(name)])
    assert list(opened(place).rows) == [name]
    manifest.close()
    assert list(opened(place).rows) == [name]
