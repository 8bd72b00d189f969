# SPDX-License-Identifier: Apache-2.0
"""Runs `compressai_side.py` in the environment that TINIFY_COMPRESSAI_PYTHON names."""

import os
import subprocess
from pathlib import Path

import pytest
import torch


@pytest.fixture(scope="session")
def compressai(tmp_path_factory):
    """`compressai(verb, folder)` runs a verb of the script there; skips where there is no such environment."""
    python = os.environ.get("TINIFY_COMPRESSAI_PYTHON")
    if not python:
        pytest.skip("TINIFY_COMPRESSAI_PYTHON names no Python with compressai 1.2.8; `make parity` sets it up")
    script = Path(__file__).with_name("compressai_side.py")
    # Nothing of this environment may be found there.
    outside = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}

    def run(verb, folder):
        done = subprocess.run([python, str(script), verb, str(folder)], env=outside, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    return run


@pytest.fixture(scope="session")
def theirs(compressai, tmp_path_factory):
    """What CompressAI computed: models, layers, bottleneck, gaussians, coder, ...; `folder` is where its files are."""
    folder = tmp_path_factory.mktemp("compressai")
    compressai("make", folder)
    return {**torch.load(folder / "compressai.pt", weights_only=True), "folder": folder}
