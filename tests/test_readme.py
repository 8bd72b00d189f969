# SPDX-License-Identifier: Apache-2.0
"""What the README says is run: its Python blocks, its commands' names, its links."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import tinify.registry
from tinify.cli.main import cli

REPOSITORY = Path(__file__).resolve().parent.parent
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
README = PAGES[0].read_text("utf-8")


def test_every_python_block_is_marked_as_tested_and_runs(capsys):
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    tested = re.findall(r"<!-- tested -->\n```python\n(.*?)```", README, re.DOTALL)
    assert tested and tested == blocks
    names: dict = {}
    try:
        for block in blocks:
            exec(compile(block, "README.md", "exec"), names)
    finally:
        tinify.registry.unregister("quantizer", "my-floor")
    printed = capsys.readouterr().out
    assert "equal: True" in printed and "bytes instead of 40000" in printed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_named_exist(page):
    verbs = set(re.findall(r"(?:^    |`)tinify ([a-z]+)", page.read_text("utf-8"), re.MULTILINE))
    for verb in verbs:
        result = CliRunner().invoke(cli, [verb, "--help"])
        assert result.exit_code == 0, f"{page.name} names `tinify {verb}`: {result.output}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_make_targets_named_exist():
    makefile = (REPOSITORY / "Makefile").read_text("utf-8")
    for target in re.findall(r"`?make ([a-z-]+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"README names `make {target}`"
