# SPDX-License-Identifier: Apache-2.0
"""Folders of small pictures, and codecs that are there in worker processes, too."""

import os
import sys

import numpy as np
import pytest
from PIL import Image

from tinify.scale_out import Settings, run

DEADLY = Settings(codec="deadly-picture")


@pytest.fixture
def codecs(install_fakes, tmp_path, monkeypatch):
    """The codecs "fake-picture" and "deadly-picture"; gives the folder in which the second leaves its marks."""
    install_fakes("good", "deadly")
    (tmp_path / "marks").mkdir()
    monkeypatch.setenv("TINIFY_DEADLY_MARKS", str(tmp_path / "marks"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    return tmp_path / "marks"


@pytest.fixture
def pictures(tmp_path, codecs):
    """A function that makes a folder of pictures: `pictures({"a/b.png": height, ...})`."""

    def make(heights, folder="in"):
        for name, height in heights.items():
            save(tmp_path / folder / name, height)
        return tmp_path / folder

    return make


def save(path, height=8, value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((height, 9, 3), value, np.uint8)).save(path)


def compress(folder, output, codec="fake-picture", **options):
    how = {name: options.pop(name) for name in ("engine", "jobs", "force", "progress") if name in options}
    return run(folder, output, Settings(codec=codec, **options), **how)


def names(folder):
    """Every file below a folder that is not the manifest, hidden ones included."""
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    return [name for name in found if name != ".tinify-manifest.jsonl"]
