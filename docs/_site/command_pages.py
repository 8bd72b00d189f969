# SPDX-License-Identifier: Apache-2.0
"""The command line, as its own help says it."""

from __future__ import annotations

import inspect
import re
import textwrap

import click


def commands() -> str:
    """A section for each verb: how it is called, what it does, its options."""
    from tinify.cli.main import VERBS, cli

    context = click.Context(cli, info_name="tinify")
    return "\n\n".join(_verb(name, cli.get_command(context, name), context) for name in VERBS)


def exit_codes() -> str:
    from tinify.cli.main import EXIT_CODES

    rows = re.findall(r"^  (\d+) +(.*)$", EXIT_CODES, re.MULTILINE)
    return "\n".join(["| code | what happened |", "| --- | --- |", *(f"| {code} | {text} |" for code, text in rows)])


def _verb(name: str, command: click.Command, parent: click.Context) -> str:
    context = click.Context(command, info_name=name, parent=parent)
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    given = [param for param in command.params if isinstance(param, click.Option)]
    options = [f"- {_option(*record)}" for param in given if (record := param.get_help_record(context))]
    return "\n".join([f"## tinify {name}", "", "```text", usage, "```", "", _prose(command.help or ""), "", *options])


def _option(names: str, text: str) -> str:
    return f"`{names}`: {_escaped(' '.join(text.split()))}"


def _prose(text: str) -> str:
    """Paragraphs as they are; those that click is told to leave alone (`\\b`) as blocks of text."""
    parts = []
    for paragraph in re.split(r"\n\s*\n", re.sub(r"\x08\n\s*\n", "\b\n", inspect.cleandoc(text))):
        if "\b" in paragraph:
            parts.append("```text\n" + textwrap.dedent(re.sub(r" *\x08\n?", "", paragraph)).rstrip() + "\n```")
        else:
            parts.append(_escaped(" ".join(paragraph.split())))
    return "\n\n".join(parts)


def _escaped(text: str) -> str:
    """Names such as OUT, <x> and *.csv stay what they are, outside of code."""
    pieces = text.split("`")
    pieces[::2] = [re.sub(r"([*_\[\]])", r"\\\1", piece).replace("<", "&lt;") for piece in pieces[::2]]
    return "`".join(pieces)
