# SPDX-License-Identifier: Apache-2.0
"""Change fragments: those that are here are sound, and a release collects them."""

import importlib.util
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
_spec = importlib.util.spec_from_file_location("collect", REPOSITORY / "changes" / "collect.py")
collect = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(collect)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "changes").mkdir()
    (tmp_path / "changes" / "README.md").write_text("# Changes\n")
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n{collect.MARK}\n## 0.1.0 (2026-01-01)\n")
    return tmp_path / "changes"


def test_the_fragments_that_are_here_are_sound():
    assert collect.faults(collect.FOLDER) == []
    assert collect.MARK in collect.CHANGELOG.read_text("utf-8")


def test_a_release_puts_them_on_top_by_kind_and_removes_them(folder):
    (folder / "b.fixed.md").write_text("B is\nmended.\n")
    (folder / "a.format.md").write_text("Files are new.")
    changelog = folder.parent / "CHANGELOG.md"
    assert collect.main(["0.2.0", "--date", "2026-02-03"], folder, changelog) == 0
    text = changelog.read_text()
    assert "## 0.2.0 (2026-02-03)\n\n### Files and streams\n\n- Files are new.\n\n### Fixed\n\n- B is mended.\n" in text
    assert text.index("0.2.0") < text.index("0.1.0")
    assert [path.name for path in folder.iterdir()] == ["README.md"]


@pytest.mark.parametrize(
    ("name", "text"), [("a.new.md", "x"), ("A b.fixed.md", "x"), ("a.fixed.md", "# x"), ("a.fixed.md", " ")]
)
def test_a_fragment_that_is_not_as_described_stops_it(folder, capsys, name, text):
    (folder / name).write_text(text)
    assert collect.main(["0.2.0"], folder, folder.parent / "CHANGELOG.md") == 1
    assert name in capsys.readouterr().err and (folder / name).exists()


def test_a_version_is_released_once(folder):
    assert collect.main(["0.1.0"], folder, folder.parent / "CHANGELOG.md") == 1
