# SPDX-License-Identifier: Apache-2.0
"""The registered parts and the hooks, as the registry and the contract list them."""

from __future__ import annotations

import inspect
import re

_ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")


def components(kind: str = "") -> str:
    """A table for each kind of part of core, or of one kind, in the order of the data path."""
    from tinify import registry

    if kind:
        return _table(kind)
    return "\n\n".join(f"## {kind}\n\n{_table(kind)}" for kind in registry.KINDS if _rows(kind))


def hooks() -> str:
    """Each hook with its signature and what it returns."""
    from tinify import hookspecs, plugins

    parts = []
    for name in plugins.HOOKS:
        hook = getattr(hookspecs, name)
        arguments = ", ".join(inspect.signature(hook).parameters)
        returns = inspect.signature(hook).return_annotation
        parts.append(f"### {name}\n\n```text\n{name}({arguments}) -> {returns}\n```\n\n{inspect.getdoc(hook)}")
    return "\n\n".join(parts)


def _rows(kind: str) -> list:
    from tinify import registry

    return [row for row in registry.components(kind) if row.plugin == "tinify"]


def _table(kind: str) -> str:
    lines = ["| name | what it is | after |", "| --- | --- | --- |"]
    for row in _rows(kind):
        source = _ARXIV.sub(r"[arXiv:\1](https://arxiv.org/abs/\1)", row.source)
        lines.append(f"| `{row.name}` | {row.summary.replace('|', ', ')} | {source} |")
    return "\n".join(lines)
