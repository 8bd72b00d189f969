# SPDX-License-Identifier: Apache-2.0
import pytest

from tinify.demo.photo import PhotoStudy, study_photo
from tinify.demo.series import SeriesStudy, study_series

from .fake import Fake, small_photo, small_recording


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="session")
def photo(folder) -> PhotoStudy:
    return study_photo(Fake(), small_photo(), folder)


@pytest.fixture(scope="session")
def series(folder) -> SeriesStudy:
    pytest.importorskip("pcodec")
    return study_series(Fake(), small_recording(), folder)
