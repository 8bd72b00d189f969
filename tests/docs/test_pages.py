# SPDX-License-Identifier: Apache-2.0
"""The runner of pages fails where a page is wrong."""

import pytest

from .pages import Runner, blocks


def run(page, command=lambda words: (" ".join(words), 0)):
    runner = Runner("page.md", command)
    for block in blocks(page):
        runner.run(block)
    return runner


def test_python_blocks_share_their_names():
    assert run("```python\na = 1\n```\nwords\n```python\nb = a + 1\n```\n").names["b"] == 2


def test_what_is_printed_is_compared():
    run("```python\nprint('a', 0.123)\n```\n\n```text\na 0.1...\n```\n")
    with pytest.raises(AssertionError, match="The page says"):
        run("```python\nprint('a')\n```\n\n```text\nb\n```\n")


def test_an_error_names_the_line_of_the_page():
    with pytest.raises(ZeroDivisionError) as caught:
        run("one\n\n```python\nx = 1\n1 / 0\n```\n")
    assert caught.traceback[-1].lineno + 1 == 5


def test_commands_run_and_their_output_is_compared():
    run("```console\n$ echo a b \\\n  c\necho a b c\n$ more\n```\n")
    with pytest.raises(AssertionError, match="echo a"):
        run("```console\n$ echo a\nnothing\n```\n")


def test_a_command_that_fails_fails():
    with pytest.raises(AssertionError, match="gave 1"):
        run("```console\n$ a\n```\n", lambda words: ("", 1))
    run("```console\n$ a  # exit code 1\n```\n", lambda words: ("", 1))


def test_a_block_with_a_title_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run('```toml title="sub/a.toml"\nx = 1\n```\n')
    assert (tmp_path / "sub" / "a.toml").read_text() == "x = 1\n"


def test_a_block_is_left_out_only_for_a_reason_that_the_reader_sees():
    run("*Not run by the tests: it needs a cluster.*\n\n```python\n1 / 0\n```\n")
    for hidden in ("<!-- not run -->", "*Not run by the tests: .*", "*Not run.*"):
        with pytest.raises(ZeroDivisionError):
            run(f"{hidden}\n\n```python\n1 / 0\n```\n")
