# SPDX-License-Identifier: Apache-2.0
"""`tinify models`"""

from __future__ import annotations

from typing import Any

import click

from tinify.cli.listing import json_option, print_rows


@click.command()
@click.option("--published", is_flag=True, help="List CompressAI's checkpoints; they are fetched when they are used.")
@json_option
def models(published: bool, as_json: bool) -> None:
    """List the pretrained codecs: what they are for, and whether their weights are here or have to be fetched.

    `tinify fit` makes one for your own series. --published lists those of CompressAI.
    """
    from tinify import zoo
    from tinify.api import DEFAULT_CODECS

    default = {name: modality for modality, name in DEFAULT_CODECS.items()}
    rows = [_row(name, default.get(name)) for name in (zoo.checkpoints() if published else zoo.names())]
    print_rows(rows, ["name", "default", "weights", "architecture", "plugin", "summary"], as_json=as_json)


def _row(name: str, default: str | None) -> dict[str, Any]:
    from tinify import zoo
    from tinify.errors import TinifyError

    try:
        entry = zoo.find(name)
    except TinifyError as error:
        return {"name": name, "error": str(error), "summary": f"error: {error}"}
    return {
        "name": name,
        "default": default or "",
        "weights": _weights(entry.weights, "published, not fetched" if entry.checkpoint else "to fetch"),
        "architecture": str(entry.codec.get("name", "")),
        "plugin": entry.plugin,
        "summary": entry.summary,
        "folder": str(entry.folder),
    }


def _weights(weights: Any, elsewhere: str) -> str:
    if weights is None:
        return "none needed"
    if weights.local:
        return f"{weights.local.stat().st_size / 1e6:.1f} MB"
    return elsewhere if weights.url else "missing"
