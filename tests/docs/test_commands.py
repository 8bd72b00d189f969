# SPDX-License-Identifier: Apache-2.0
"""Commands that README and docs show exist, with these options, whether or not a test runs them."""

import re
import shlex

import click
import pytest

from tinify.cli.main import cli

from .pages import REPOSITORY, sources

PAGES = [REPOSITORY / "README.md", *sources()]
SHOWN = re.compile(r"^(?:    |\$ )tinify ([a-z].*)$|`tinify ([a-z][^`]*)`", re.MULTILINE)


def commands(page):
    """Word lists after `tinify`; without comments, and without "..." for what the reader fills in."""
    text = re.sub(r"\\\n\s*", " ", page.read_text("utf-8"))
    for match in SHOWN.finditer(text):
        shown = re.sub(r"\s+", " ", match[1] or match[2])
        yield [word for word in shlex.split(shown, comments=True) if word != "..."]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_commands_shown_can_be_parsed(page, monkeypatch):
    monkeypatch.setattr(click.Path, "convert", lambda self, value, *_: value)  # files need not be there
    root = click.Context(cli, info_name="tinify")
    for verb, *arguments in commands(page):
        if verb.startswith("-"):
            continue
        command = cli.get_command(root, verb)
        assert command is not None, f"no verb {verb!r}"
        if arguments:
            try:
                command.make_context(verb, list(arguments), parent=root)
            except click.exceptions.Exit:
                pass  # --help
            except click.UsageError as error:
                raise AssertionError(f"tinify {verb} {shlex.join(arguments)}: {error.format_message()}") from error


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_make_targets_shown_exist(page):
    makefile = (REPOSITORY / "Makefile").read_text("utf-8")
    for target in re.findall(r"(?:`|^\$ |^    )make ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"`make {target}`"
