# SPDX-License-Identifier: Apache-2.0
"""Pages of the documentation as blocks, and what runs these one after the other.

    ```python            run, in one namespace for the page
    ```text              right after a python block: what it prints
    ```console           lines with "$ " run; what follows is what they print
    ```toml title="a"    written to the file a, as any block with a title

What a block prints may stand there with "..." where it varies. A block that cannot run in a test says so, and why, in
a line of its own before it: `*Not run by the tests: it needs a cluster.*`
"""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
DOCS = REPOSITORY / "docs"
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
_FENCE = re.compile(r"^( *)```(\w*)([^\n`]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_SKIPPED = re.compile(r"\*Not run by the tests: [^*]{8,}\.\*\s*\Z")


@dataclass(frozen=True)
class Block:
    language: str
    title: str
    text: str
    line: int
    runs: bool


def sources() -> list[Path]:
    """Every page that somebody wrote."""
    return sorted(DOCS.rglob("*.md"))


def blocks(page: str) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    for match in _FENCE.finditer(page):
        title = re.search(r'title="([^"]+)"', match[3])
        text = re.sub(rf"^{match[1]}", "", match[4], flags=re.MULTILINE)
        line = page.count("\n", 0, match.start()) + 1
        yield Block(match[2], title[1] if title else "", text, line, not _SKIPPED.search(page[: match.start()]))


class Runner:
    """Runs the blocks of a page in the current folder. `command`: what gives output and exit code of a command."""

    def __init__(self, name: str, command: Callable[[list[str]], tuple[str, int]]):
        self.name, self.command = name, command
        self.names: dict = {"__name__": "__main__"}
        self.printed = ""

    def run(self, block: Block) -> None:
        if not block.runs:
            return
        where = f"{self.name}, line {block.line}"
        if block.title:
            Path(block.title).parent.mkdir(parents=True, exist_ok=True)
            Path(block.title).write_text(block.text, "utf-8")
        elif block.language == "python":
            self._python(block, where)
        elif block.language == "console":
            self._console(block.text, where)
        elif block.language == "text" and self.printed:
            self._compare(block.text, self.printed, where)
        if block.language != "python":
            self.printed = ""

    def _python(self, block: Block, where: str) -> None:
        source = "\n" * block.line + block.text  # so that a traceback has the page's line numbers
        stream = io.StringIO()
        with contextlib.redirect_stdout(stream):
            exec(compile(source, self.name, "exec"), self.names)
        self.printed = stream.getvalue()

    def _console(self, text: str, where: str) -> None:
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, wanted = part.partition("\n")
            while command.endswith("\\"):
                more, _, wanted = wanted.partition("\n")
                command = command[:-1] + more
            code_wanted = re.search(r"# exit code (\d+)$", command)
            output, code = self.command(shlex.split(command, comments=True))
            assert code == (int(code_wanted[1]) if code_wanted else 0), f"{where}: `{command}` gave {code}:\n{output}"
            if wanted.strip():
                self._compare(wanted, output, f"{where}: `{command}`")

    def _compare(self, wanted: str, got: str, where: str) -> None:
        if not doctest.OutputChecker().check_output(wanted, got, FLAGS):
            raise AssertionError(f"{where}\nThe page says:\n{wanted}\nIt prints:\n{got}")
