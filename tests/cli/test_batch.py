# SPDX-License-Identifier: Apache-2.0
import io
import sys
from pathlib import Path

import pytest

from tinify.cli.batch import run_batch
from tinify.cli.paths import Source
from tinify.errors import FormatError

SOURCES = [Source(Path(name), Path(name)) for name in ("a", "b[1]", "c")]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def work(source, progress):
    progress(1, 2)
    if str(source) == "c":
        raise FormatError("damaged")
    return {"input": str(source)}


@pytest.mark.parametrize("both", [True, False])
def test_on_a_terminal_every_line_stands_alone_and_keeps_its_brackets(monkeypatch, both):
    out, err = (Terminal() if both else io.StringIO()), Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    assert run_batch(SOURCES, work, lambda result: f"did {result['input']}", verb="do", as_json=False) == 1
    shown = (err if both else out).getvalue()
    assert "did a\n" in shown and "did b[1]\n" in shown
    assert "error: c: damaged\n" in err.getvalue()


def test_one_source_gives_its_own_exit_code(capsys):
    assert run_batch(SOURCES[2:], work, str, verb="do", as_json=False) == FormatError.exit_code
    assert capsys.readouterr().err == "error: c: damaged\n"
