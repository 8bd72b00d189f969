# SPDX-License-Identifier: Apache-2.0
import pytest

from tinify.demo import run, samples
from tinify.errors import MissingExtraError

from .fake import Fake, small_photo, small_recording


@pytest.fixture
def small(monkeypatch):
    pytest.importorskip("pcodec")
    monkeypatch.setattr(samples, "require_extra", lambda: None)
    monkeypatch.setattr(samples, "photo", small_photo)
    monkeypatch.setattr(samples, "recording", small_recording)


def test_folder_is_made_and_holds_the_page_and_both_files(small, tmp_path):
    said = []
    _, _, page = run.run_demo(Fake(), tmp_path / "new" / "folder", said.append)
    assert sorted(path.name for path in page.parent.iterdir()) == ["index.html", "sine.tnf", "waves.tnf"]
    assert len(said) == 3


def test_second_run_replaces_the_first_and_nothing_else(small, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    for _ in range(2):
        run.run_demo(Fake(), tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_missing_extra_is_told_before_anything_is_written(monkeypatch, tmp_path):
    def missing():
        raise MissingExtraError(samples.EXTRA)

    monkeypatch.setattr(samples, "require_extra", missing)
    with pytest.raises(MissingExtraError):
        run.run_demo(Fake(), tmp_path / "out")
    assert not (tmp_path / "out").exists()
