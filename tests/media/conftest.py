# SPDX-License-Identifier: Apache-2.0
import importlib.util

import pytest

from tinify import registry


@pytest.fixture(autouse=True)
def core_formats(monkeypatch):
    """Until core registers itself through its hooks."""
    if importlib.util.find_spec("tinify.builtin"):
        return
    targets = {
        "csv": "tinify.media.csv:FORMAT",
        "image": "tinify.media.image:FORMAT",
        "numpy": "tinify.media.arrays:FORMAT",
    }
    rows = {name: registry.Component("media", name, target) for name, target in targets.items()}
    monkeypatch.setattr(registry, "components", lambda kind=None: list(rows.values()))
    monkeypatch.setattr(registry, "get", lambda kind, name: registry.resolve(rows[name]))
