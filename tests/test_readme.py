# SPDX-License-Identifier: Apache-2.0
"""What the README says is run: its Python blocks, its commands' names, its links."""

import re
import shlex
from pathlib import Path

import numpy as np
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


def test_the_commands_of_a_fitted_codec_run_one_after_the_other(tmp_path, monkeypatch):
    section = README.split("## A codec for your own series\n")[1].split("\n## ")[0]
    commands = [shlex.split(line) for line in re.findall(r"^    tinify (.*)", section, re.MULTILINE)]
    assert [command[0] for command in commands] == ["fit", "compress", "decompress", "inspect"]
    monkeypatch.chdir(tmp_path)
    Path("2025").mkdir()
    random = np.random.default_rng(0)
    for name, rows in (("2025/may.csv", 300), ("2025/june.csv", 300), ("today.csv", 50)):
        lines = [f"{i},{value:.3f}" for i, value in enumerate(random.normal(size=rows).cumsum())]
        Path(name).write_text("time,level\n" + "\n".join(lines) + "\n")
    for command in commands:
        result = CliRunner().invoke(cli, command)
        assert result.exit_code in (0, None), f"{command}: {result.output}"
    assert Path("back.csv").read_text().startswith("time,level\n0,")
    assert "may.csv" in result.output


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_named_exist(page):
    verbs = set(re.findall(r"(?:^    |`)tinify ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE))
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
