# SPDX-License-Identifier: Apache-2.0
"""Nothing public is missing: names, verbs, options, hooks, parts, keys of recipes and of codec.toml."""

import importlib
import inspect
import re

import click
import module_pages
import part_pages
import pytest
import recipe_pages
from hooks import filled

import tinify
from tinify import errors, plugins, registry
from tinify.cli.main import VERBS, cli
from tinify.config import read_toml
from tinify.training import trainers

from .pages import DOCS, REPOSITORY

REFERENCE = DOCS / "reference"


@pytest.fixture(scope="module")
def reference():
    return {path.stem: filled(path.read_text("utf-8")) for path in REFERENCE.glob("*.md")}


def test_names_of_the_package_are_documented(reference):
    for name in tinify.__all__:
        assert re.search(rf"\.{name}\b", reference["python"]), name


@pytest.mark.parametrize("module", module_pages.with_exports())
def test_exported_names_of_a_module_are_documented(module, reference):
    everything = "\n".join(reference.values())
    for name in module_pages.exported(module):
        if not name.startswith("__"):
            assert re.search(rf"(:::|-) `?tinify[\w.]*\.{name}\b", everything), f"{module}.{name} is on no page"


@pytest.mark.parametrize("module", ["tinify", *module_pages.with_exports()])
def test_exported_classes_and_functions_say_what_they_do(module):
    found = importlib.import_module(module)
    for name in tinify._NAMES if module == "tinify" else module_pages.exported(module):
        value = getattr(found, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__doc__, f"{module}.{name} has no docstring"


@pytest.mark.parametrize("verb", VERBS)
def test_verbs_and_their_options_are_documented(verb, reference):
    section = reference["commands"].split(f"## tinify {verb}\n")[1].split("\n## ")[0]
    command = cli.get_command(click.Context(cli), verb)
    for option in (param for param in command.params if isinstance(param, click.Option)):
        assert max(option.opts, key=len) in section
        assert option.help, f"{option.opts} of {verb} has no help"


def test_exit_codes_are_documented(reference):
    kinds = [kind for kind in vars(errors).values() if inspect.isclass(kind) and hasattr(kind, "exit_code")]
    for kind in kinds:
        assert f"| {kind.exit_code} |" in reference["commands"], kind


def test_hooks_are_documented_with_their_arguments(reference):
    for hook in plugins.HOOKS:
        arguments = ", ".join(inspect.signature(getattr(plugins.hookspecs, hook)).parameters)
        assert f"{hook}({arguments})" in reference["hooks"]


def test_parts_are_documented(reference):
    for row in registry.components():
        if row.plugin == "tinify":
            assert f"| `{row.name}` |" in reference["parts"]
    for kind in registry.KINDS:
        assert not part_pages._rows(kind) or f"## {kind}\n" in reference["parts"]


@pytest.mark.parametrize("trainer", [trainers.IMAGE, *trainers._OTHERS])
def test_keys_of_recipes_have_a_meaning(trainer, reference):
    home = trainers._OTHERS.get(trainer, ("tinify.training.image.recipe", "ImageRecipe"))
    kind = getattr(importlib.import_module(home[0]), home[1])
    section = reference["recipes"].split(f'## trainer = "{trainer}"\n')[1].split("\n## ")[0]
    for _, key, _, meaning in recipe_pages.keys(trainer, kind):
        assert meaning and f"| `{key}` |" in section


def test_meanings_are_of_keys_that_exist(reference):
    keys = set(re.findall(r"^\| `(\w+)` \|", reference["recipes"], re.MULTILINE))
    assert {name.split(".")[-1] for name in recipe_pages.MEANINGS} <= keys


def test_keys_of_codec_folders_are_documented(reference):
    for path in REPOSITORY.glob("zoo/*/codec.toml"):
        table = read_toml(path)
        for key in {*table, *table.get("weights", {})}:
            assert f"`{key}`" in reference["recipes"] or f"`[{key}]`" in reference["recipes"], f"{path}: {key}"


def test_extras_are_documented():
    page = (DOCS / "install.md").read_text("utf-8")
    for extra in read_toml(REPOSITORY / "pyproject.toml")["project"]["optional-dependencies"]:
        assert f"`tinify-codec[{extra}]`" in page, extra


def test_every_tutorial_is_in_their_list():
    page = (DOCS / "tutorials" / "index.md").read_text("utf-8")
    for tutorial in (DOCS / "tutorials").glob("*.md"):
        assert tutorial.stem == "index" or f"]({tutorial.name})" in page, tutorial
