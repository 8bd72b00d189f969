# SPDX-License-Identifier: Apache-2.0
"""Rows for a person or for a program."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def print_rows(rows: list[dict[str, Any]], columns: list[str], *, as_json: bool) -> None:
    """As one JSON list with every key, or as a table of the columns; a pipe gets plain, uncut text."""
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    cells = [[str(row.get(column, "")) for column in columns] for row in rows]
    if sys.stdout.isatty():
        _print_table(cells, columns)
        return
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    for row in [columns, *cells]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _print_table(cells: list[list[str]], columns: list[str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in cells:
        table.add_row(*map(Text, row))  # Text: a name in square brackets is no markup
    Console(highlight=False).print(table)
