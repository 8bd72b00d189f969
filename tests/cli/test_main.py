# SPDX-License-Identifier: Apache-2.0
import inspect
import re

import click
import pytest

from tinify import errors
from tinify.cli import main


def test_help_lists_every_verb_and_every_exit_code(tinify):
    text = tinify("--help").text
    for verb in main.VERBS:
        assert f"\n  {verb} " in text
    codes = {int(code) for code in re.findall(r"^ +(\d+) ", text, flags=re.M)}
    classes = [error for _, error in inspect.getmembers(errors, inspect.isclass)]
    assert {error.exit_code for error in classes} | {0, 130} == codes


@pytest.mark.parametrize("verb", main.VERBS)
def test_every_verb_has_a_module_a_help_page_and_the_listed_summary(tinify, verb):
    command = main.cli.get_command(click.Context(main.cli), verb)
    assert command.name == verb
    assert tinify(verb, "--help").code == 0


def test_an_unknown_verb_is_wrong_usage_with_a_near_one(tinify):
    result = tinify("compres")
    assert result.code == 2
    assert "Did you mean 'compress'" in result.err


def test_wrong_options_are_wrong_usage(tinify):
    result = tinify("models", "--jsn")
    assert result.code == 2
    assert result.err.splitlines()[-1].startswith("error: ")


def test_a_plugins_verb_is_listed_and_runs(tinify):
    assert "good-hello" in tinify("--help").text
    assert tinify("good-hello").text == "hello from a plugin\n"


def test_a_plugin_cannot_replace_a_verb_and_a_contested_one_is_an_error(tinify, install_fakes, log):
    install_fakes("copycat")
    assert tinify("compress", log).code == 0
    assert tinify("copycat-hello").code == 0
    result = tinify("good-hello")
    assert result.code == 7
    assert "tinify-copycat 1.0" in result.err and "tinify-good 1.0" in result.err
    problems = tinify("plugins").err
    assert "command 'compress' is core's and cannot be replaced" in problems
    assert problems.count("command 'good-hello' is claimed by") == 2


def test_the_version(tinify):
    import tinify as package

    assert tinify("--version").text == f"tinify, version {package.__version__}\n"


def test_an_interrupt_is_exit_code_130(tinify, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(main.cli, "main", interrupt)
    assert tinify("models").code == 130


def test_an_error_of_ours_has_its_exit_code_and_one_line(tinify, monkeypatch):
    def fail(*arguments, **options):
        raise errors.WeightsError("weights gone; fetch them")

    monkeypatch.setattr(main.cli, "main", fail)
    result = tinify("models")
    assert (result.code, result.err) == (9, "error: weights gone; fetch them\n")
