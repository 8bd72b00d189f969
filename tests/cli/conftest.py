# SPDX-License-Identifier: Apache-2.0
"""A folder to work in, and the command line run in this process."""

import io
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from tinify.cli.main import run


@dataclass
class Result:
    code: int
    out: bytes
    err: str

    @property
    def text(self):
        return self.out.decode()


@pytest.fixture
def tinify(capfdbinary, monkeypatch, fake_codecs):
    """`tinify(*arguments, stdin=b"")` runs a command with the fake codecs as defaults."""

    def call(*arguments, stdin=b""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = run([str(argument) for argument in arguments])
        captured = capfdbinary.readouterr()
        return Result(code, captured.out, captured.err.decode())

    return call


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def picture(height=24, width=36, mode="RGB"):
    channels = len(mode)
    x = np.add.outer(np.arange(height) * 3, np.arange(width) * 2)[..., None] + 20 * np.arange(channels)
    return Image.fromarray(x.astype(np.uint8).squeeze())


@pytest.fixture
def photo(here):
    picture().save(here / "photo.png")
    return here / "photo.png"


@pytest.fixture
def log(here):
    rows = [f"2026-01-01T00:00:{i:02d},{np.sin(i / 5):.3f},{i}" for i in range(50)]
    (here / "log.csv").write_text("time,level,count\n" + "\n".join(rows) + "\n")
    return here / "log.csv"
