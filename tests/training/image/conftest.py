# SPDX-License-Identifier: Apache-2.0
import pytest

from tests.training.recipes import write_pictures


@pytest.fixture
def data(tmp_path):
    """A folder with pictures to train on."""
    write_pictures(tmp_path)
    return tmp_path
