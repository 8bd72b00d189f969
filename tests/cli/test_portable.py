# SPDX-License-Identifier: Apache-2.0
"""A file that may not decode elsewhere says so, and so does the command that makes it."""

import json
from pathlib import Path

import pytest

from tests.models.image.active import active
from tinify import api, quantize_entropy_path


@pytest.fixture
def codecs(monkeypatch):
    """Codecs "in-floats" and "made-exact"."""
    floats, exact = active("mbt2018-mean"), active("mbt2018-mean")
    floats.name, exact.name = "in-floats", "made-exact"
    quantize_entropy_path(exact)
    monkeypatch.setattr(api, "load", {codec.name: codec for codec in (floats, exact)}.__getitem__)


@pytest.mark.parametrize("tile", [0, 16])
@pytest.mark.parametrize(("codec", "portable"), [("in-floats", False), ("made-exact", True)])
def test_inspect_says_whether_a_picture_decodes_anywhere(tinify, photo, codecs, codec, portable, tile):
    assert tinify("compress", photo, "x.tnf", "--codec", codec, "--tile", tile).code == 0
    shown = json.loads(tinify("inspect", "x.tnf", "--json").out)
    assert shown["portable"] is portable
    assert ("another processor" in tinify("inspect", "x.tnf").text) is not portable


def test_of_a_series_nothing_is_said(tinify, log):
    assert tinify("compress", log, "x.tnf").code == 0
    assert "portable" not in json.loads(tinify("inspect", "x.tnf", "--json").out)


def test_compress_warns_once_with_the_next_step(tinify, photo, codecs):
    Path("other.png").write_bytes(photo.read_bytes())
    result = tinify("compress", photo, "other.png", "-o", "out", "--codec", "in-floats")
    assert result.code == 0 and result.err.count("tinify.quantize_entropy_path") == 1
    result = tinify("compress", photo, "exact.tnf", "--codec", "made-exact")
    assert result.code == 0 and "warning" not in result.err
