# SPDX-License-Identifier: Apache-2.0
"""Fixtures that more than one folder of tests uses."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the real data sets (TINIFY_DATA, or `shared/data` beside the repository); skips where it is absent."""
    folder = Path(os.environ.get("TINIFY_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real data not found at {folder}; set TINIFY_DATA")
    return folder
