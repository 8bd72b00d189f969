# SPDX-License-Identifier: Apache-2.0
import importlib.util

import pytest

from tinify import registry


@pytest.fixture(autouse=True)
def core_formats(monkeypatch):
    """Stands in for core's rows while the plugin host is not there yet."""
    if importlib.util.find_spec("tinify.plugins"):
        return
    targets = {
        "csv": "tinify.media.csv:FORMAT",
        "image": "tinify.media.image:FORMAT",
        "numpy": "tinify.media.arrays:FORMAT",
    }
    rows = {name: registry.Component("media", name, target) for name, target in targets.items()}
    monkeypatch.setattr(registry, "components", lambda kind=None: list(rows.values()))
    monkeypatch.setattr(registry, "get", lambda kind, name: registry.resolve(rows[name]))
