# SPDX-License-Identifier: Apache-2.0
"""Fixtures that more than one folder of tests uses."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How fast a machine is must not decide whether a test passes.
settings.register_profile("tinify", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tinify")

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the real data sets (TINIFY_DATA, or `shared/data` beside the repository); skips where it is absent."""
    folder = Path(os.environ.get("TINIFY_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real data not found at {folder}; set TINIFY_DATA")
    return folder


@pytest.fixture
def install_fakes(monkeypatch):
    """A function that puts fake distributions of tests/fakes on the path and gives the plugin host that finds them."""
    from tinify import plugins

    def install(*names: str) -> plugins.Host:
        for name in names:
            monkeypatch.syspath_prepend(REPOSITORY / "tests" / "fakes" / name)
        return plugins.reload()

    monkeypatch.delenv("TINIFY_PLUGINS", raising=False)
    yield install
    monkeypatch.undo()
    plugins.reload()


@pytest.fixture
def fake_codecs(install_fakes, monkeypatch):
    """Codecs without weights, "fake-picture" and "fake-numbers", as the defaults for pictures and series."""
    from tinify import api

    install_fakes("good")
    monkeypatch.setattr(api, "DEFAULT_CODECS", {"image": "fake-picture", "series": "fake-numbers"})
    monkeypatch.setattr(api, "_codecs", {})
