# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys

import pytest
from click.testing import CliRunner

import tinify
from tinify.cli.demo import demo
from tinify.demo import samples
from tinify.errors import MissingExtraError

from .fake import Fake, small_photo, small_recording


def test_figures_are_printed_and_the_page_is_named(monkeypatch, tmp_path):
    pytest.importorskip("pcodec")
    monkeypatch.setattr(samples, "require_extra", lambda: None)
    monkeypatch.setattr(samples, "photo", small_photo)
    monkeypatch.setattr(samples, "recording", small_recording)
    codec = Fake()
    monkeypatch.setattr(tinify, "compress", codec.compress)
    monkeypatch.setattr(tinify, "decompress", codec.decompress)
    result = CliRunner().invoke(demo, ["--output", str(tmp_path / "out")], catch_exceptions=False)
    assert result.exit_code == 0
    assert f"{(tmp_path / 'out' / 'waves.tnf').stat().st_size:,}" in result.output
    assert "quantize + pcodec" in result.output
    assert "index.html" in result.output.replace("\n", "")
    assert (tmp_path / "out" / "index.html").is_file()


def test_missing_extra_reaches_the_command_line_as_an_error_with_its_exit_code(monkeypatch, tmp_path):
    def missing():
        raise MissingExtraError(samples.EXTRA)

    monkeypatch.setattr(samples, "require_extra", missing)
    result = CliRunner().invoke(demo, ["--output", str(tmp_path / "out")])
    assert isinstance(result.exception, MissingExtraError)
    assert result.exception.exit_code == 10


def test_command_is_imported_without_torch_or_the_demo():
    code = "import sys, tinify.cli.demo; sys.exit(any(n in sys.modules for n in ('torch', 'numpy', 'tinify.demo')))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
