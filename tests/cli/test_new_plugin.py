# SPDX-License-Identifier: Apache-2.0
"""`tinify new-plugin`: what it writes is whole and carries the new name alone; what cannot be used is refused. That
what it writes works once installed, `make plugins` tries."""

import ast
import re
import sys

import pytest

from tinify.cli.new_plugin import template_folder
from tinify.config import read_toml


@pytest.fixture
def written(tinify, tmp_path):
    assert tinify("new-plugin", "tinify-zebra-2", "--into", tmp_path).code == 0
    return tmp_path / "tinify-zebra-2"


def test_what_is_written_has_the_new_names_and_nothing_of_the_old(written):
    assert [path.name for path in written.parent.iterdir()] == ["tinify-zebra-2"]
    for path in written.rglob("*"):
        assert "template" not in str(path.relative_to(written))
        assert path.is_dir() or "template" not in path.read_text("utf-8")
    assert (written / "tests" / "test_tinify_zebra_2.py").is_file()
    assert len(list(written.rglob("*"))) == len(
        [path for path in template_folder().rglob("*") if "__pycache__" not in str(path)]
    )


def test_what_is_written_is_a_distribution_with_one_entry_point(written):
    project = read_toml(written / "pyproject.toml")["project"]
    assert (project["name"], project["version"]) == ("tinify-zebra-2", "0.1.0")
    assert project["entry-points"] == {"tinify": {"zebra-2": "tinify_zebra_2.hooks"}}
    for path in written.rglob("*.py"):
        ast.parse(path.read_text("utf-8"))


def test_the_written_parts_are_found_and_the_recipe_builds(written, install_fakes, monkeypatch):
    info = written / "tinify_zebra_2-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tinify-zebra-2\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[tinify]\nzebra-2 = tinify_zebra_2.hooks\n")
    monkeypatch.syspath_prepend(written)
    (zebra,) = (plugin for plugin in install_fakes().plugins if plugin.name == "zebra-2")
    assert (zebra.status, zebra.problems) == ("ok", [])
    from tinify.config import build

    try:
        assert build(written / "recipe.toml").requires == ("tinify-zebra-2 0.1.0",)
    finally:
        for name in [name for name in sys.modules if name.startswith("tinify_zebra_2")]:
            del sys.modules[name]


@pytest.mark.parametrize(
    ("name", "better"),
    [("My Plug", "tinify-my-plug"), ("tinify_mine", "tinify-mine"), ("3d", "tinify-d"), ("class", "tinify-mine"),
     ("../up", "tinify-up"), ("-", "tinify-mine"), ("tinify-" + "x" * 40, "tinify-" + "x" * 33)],
)  # fmt: skip
def test_what_is_no_name_is_refused_and_a_near_one_is_said(tinify, tmp_path, name, better):
    result = tinify("new-plugin", "--into", tmp_path, "--", name)
    assert result.code == 2
    assert result.err.rstrip().endswith(f"`tinify new-plugin {better}`")
    assert tinify("new-plugin", better, "--into", tmp_path).code == 0


@pytest.mark.parametrize(
    ("name", "problem"),
    [("tinify", "there is a plugin 'tinify' already"), ("numpy", "there is a Python package 'numpy' already"),
     ("json", "Python package 'json'"), ("tinify-good", "there is a plugin 'good' already, of tinify-good 1.0")],
)  # fmt: skip
def test_a_name_that_is_taken_is_refused_and_another_one_is_said(tinify, install_fakes, tmp_path, name, problem):
    install_fakes("good")
    result = tinify("new-plugin", name, "--into", tmp_path)
    assert result.code == 2
    assert problem in result.err
    assert tinify("new-plugin", re.search(r"such as '(.*)'", result.err)[1], "--into", tmp_path).code == 0


def test_a_folder_that_exists_is_left_alone(tinify, written):
    result = tinify("new-plugin", "tinify-zebra-2", "--into", written.parent)
    assert result.code == 8
    assert "choose another name, or another folder with --into" in result.err
