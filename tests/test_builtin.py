# SPDX-License-Identifier: Apache-2.0
import pytest

from tinify import builtin, registry

ROWS = [*builtin.tinify_components(), *builtin.tinify_media()]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.kind}/{row.name}")
def test_every_row_of_core_points_to_something_that_can_be_used(row):
    found = registry.resolve(row)
    assert callable(found) or row.kind == "media"
    assert registry.problem_of(row) is None
    assert row.summary


def test_no_name_stands_twice():
    names = [(row.kind, row.name) for row in ROWS]
    assert len(names) == len(set(names))


def test_the_names_that_the_field_knows_are_there():
    names = {row.name for row in ROWS if row.kind == "codec"}
    assert {"bmshj2018-factorized", "bmshj2018-hyperprior", "mbt2018-mean", "tokenizer"} <= names


def test_zoo_folders_are_those_with_a_codec_file(monkeypatch, tmp_path):
    monkeypatch.setattr(builtin, "zoo_folder", lambda: tmp_path)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    (tmp_path / "one" / "codec.toml").write_text("")
    assert [card.name for card in builtin.tinify_models()] == ["one"]
