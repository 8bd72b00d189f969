# SPDX-License-Identifier: Apache-2.0
"""Arguments in docstrings, "quality: in [0, 100] ..." at the beginning of a line, become a list in the reference."""

from __future__ import annotations

import re

import griffe

_STARTS = re.compile(r"^(?: {4})?((?:\w+, )*\w+): ", re.MULTILINE)


class Arguments(griffe.Extension):
    """For functions and classes; only names that they take begin an item."""

    def on_function(self, *, func: griffe.Function, **_: object) -> None:
        _list(func, {parameter.name for parameter in func.parameters})

    def on_class(self, *, cls: griffe.Class, **_: object) -> None:
        init = cls.members.get("__init__")
        names = {parameter.name for parameter in init.parameters} if isinstance(init, griffe.Function) else set()
        _list(cls, names | set(cls.members))


def _list(found: griffe.Object, names: set[str]) -> None:
    if found.docstring:
        found.docstring.value = as_list(found.docstring.value, names)


def as_list(text: str, names: set[str]) -> str:
    """The docstring with an item for each argument that begins a line, up to the next empty line."""
    parts = []
    for paragraph in text.split("\n\n"):
        marked = _STARTS.sub(lambda m: f"\n- `{m[1]}`: " if set(m[1].split(", ")) <= names else m[0], paragraph)
        # What follows an item belongs to it, however it was indented.
        parts.append(re.sub(r"\n {4}(?=\S)", "\n  ", marked) if marked != paragraph else paragraph)
    return "\n\n".join(parts)
