# SPDX-License-Identifier: Apache-2.0
"""`tinify components`"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

import click

from tinify.cli.listing import json_option, print_rows


@click.command()
@click.argument("kind", required=False)
@json_option
def components(kind: str | None, as_json: bool) -> None:
    """List the registered parts, all or of one KIND (transform, quantizer, entropy-model, coder, codec, ...)."""
    from tinify import registry

    found = registry.components(kind)
    claims = Counter((row.kind, row.name) for row in found)
    rows = [{**asdict(row), "conflict": claims[row.kind, row.name] > 1} for row in found]
    if not as_json:
        for row in rows:
            row["summary"] = f"CONFLICT, unusable: {row['summary']}" if row["conflict"] else row["summary"]
    print_rows(rows, ["kind", "name", "plugin", "summary", "source"], as_json=as_json)
