# SPDX-License-Identifier: Apache-2.0
"""Whoever installs the distribution has the codecs in zarr and numcodecs, with no import of tinify."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

try:
    import tomllib
except ImportError:
    import tomli as tomllib

REPOSITORY = Path(__file__).resolve().parents[2]
GROUPS = ("zarr.codecs", "numcodecs.codecs")
SCRIPT = """
import zarr, numcodecs
assert zarr.registry.get_codec_class("tinify").__module__ == "tinify.interop.zarr"
codec = numcodecs.get_codec({"id": "tinify", "lossless": True})
assert type(codec).__module__ == "tinify.interop.numcodecs"
"""


@pytest.fixture(scope="module")
def declared():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    return {group: project["entry-points"][group] for group in GROUPS}


@pytest.mark.parametrize("group", GROUPS)
def test_what_an_entry_point_names_is_there(declared, group):
    pytest.importorskip(group.split(".")[0], reason="tinify-codec[zarr] is not installed")
    for target in declared[group].values():
        module, _, attribute = target.partition(":")
        assert getattr(importlib.import_module(module), attribute)


def test_zarr_and_numcodecs_find_them_in_a_fresh_process(declared, tmp_path):
    pytest.importorskip("zarr", minversion="3", reason="tinify-codec[zarr] is not installed")
    info = tmp_path / "tinify_interop_test-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tinify-interop-test\nVersion: 1.0\n")
    lines = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in rows.items()) for group, rows in declared.items()]
    (info / "entry_points.txt").write_text("\n".join(lines))
    path = os.pathsep.join([str(tmp_path), str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}
    )
    assert done.returncode == 0, done.stderr
