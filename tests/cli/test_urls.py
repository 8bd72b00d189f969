# SPDX-License-Identifier: Apache-2.0
"""Single files at URLs. fsspec's memory stands in for an object store."""

import json

import pytest

from .conftest import picture

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed: tinify-codec[fsspec]")
CODEC = ["--codec", "fake-picture"]


@pytest.fixture
def store(here):
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    picture().save(here / "photo.png")
    system.pipe("/box/photo.png", (here / "photo.png").read_bytes())
    yield system
    system.store.clear()


def test_from_url_to_url_and_back(tinify, store):
    result = tinify("compress", "memory://box/photo.png", "memory://box/small/a.tnf", *CODEC)
    assert (result.code, result.err) == (0, "")
    assert result.text.startswith("memory://box/photo.png -> memory://box/small/a.tnf  ")
    assert tinify("decompress", "memory://box/small/a.tnf", "memory://box/back.png").code == 0
    assert store.cat("/box/back.png")[:4] == b"\x89PNG"


def test_from_url_to_a_file_here_and_from_here_to_url(tinify, store, here):
    assert tinify("compress", "memory://box/photo.png", "a.tnf", *CODEC).code == 0
    assert tinify("decompress", here / "a.tnf", "memory://box/b.png").code == 0
    assert store.exists("/box/b.png")


def test_without_an_output_it_is_beside_the_input(tinify, store):
    store_before = set(store.find("/box"))
    result = tinify("compress", "memory://box/photo.png", *CODEC, "--json")
    assert json.loads(result.text)[0]["output"] == "memory://box/photo.tnf"
    assert set(store.find("/box")) - store_before == {"/box/photo.tnf"}
    assert tinify("decompress", "memory://box/photo.tnf", "--format", "ppm").code == 0
    assert store.exists("/box/photo.ppm")


def test_what_is_there_is_not_overwritten_unless_one_says_so(tinify, store):
    store.pipe("/box/a.tnf", b"old")
    result = tinify("compress", "memory://box/photo.png", "memory://box/a.tnf", *CODEC)
    assert result.code == 8 and "memory://box/a.tnf exists" in result.err
    assert store.cat("/box/a.tnf") == b"old"
    assert tinify("compress", "memory://box/photo.png", "memory://box/a.tnf", *CODEC, "--force").code == 0


def test_to_standard_output(tinify, store):
    result = tinify("compress", "memory://box/photo.png", "-", *CODEC)
    assert result.code == 0 and result.out[:4] == b"\x89TNF"


def test_a_file_that_is_not_there_is_an_input_error_with_its_url(tinify, store):
    result = tinify("compress", "memory://box/gone.png", "memory://box/a.tnf", *CODEC)
    assert result.code == 3 and "memory://box/gone.png" in result.err


def test_inspect_reads_a_url(tinify, store):
    tinify("compress", "memory://box/photo.png", "memory://box/a.tnf", *CODEC)
    assert "image 24x36x3" in tinify("inspect", "memory://box/a.tnf").text
    assert tinify("inspect", "memory://box/gone.tnf").code == 3


def test_urls_of_local_files(tinify, store, here):
    assert tinify("compress", f"file://{here}/photo.png", *CODEC).code == 0
    assert (here / "photo.tnf").is_file() and not (here / ".tinify-partial").exists()


def test_a_kind_of_url_that_nobody_knows_is_an_input_error(tinify, store):
    assert tinify("compress", "nowhere://box/photo.png", "a.tnf", *CODEC).code == 3
