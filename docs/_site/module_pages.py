# SPDX-License-Identifier: Apache-2.0
"""Which names the reference shows: those of `__all__`, in the form that mkdocstrings takes."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "tinify"


def top_level_names() -> str:
    """What `import tinify` gives, where it comes from."""
    import tinify

    return "\n\n".join(f"::: tinify.{home}.{name}" for name, home in tinify._NAMES.items())


def module(name: str) -> str:
    """The public names of a module: of its `__all__`, or all without an underscore. Constants are a list."""
    names = exported(name)
    if names is None:
        return f"::: {name}"
    found = importlib.import_module(name)
    constants = [each for each in names if each.isupper() and not callable(getattr(found, each))]
    lines = [f"- `{name}.{each}` = `{_short(getattr(found, each))}`" for each in constants]
    return "\n\n".join(["\n".join(lines), *(f"::: {name}.{each}" for each in names if each not in constants)])


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def exported(name: str) -> list[str] | None:
    """`__all__` of a module, without importing it; None where it has none."""
    for node in ast.parse(path_of(name).read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return ast.literal_eval(node.value)
    return None


def path_of(name: str) -> Path:
    path = PACKAGE.joinpath(*name.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def with_exports() -> list[str]:
    """Every module below `tinify` that has an `__all__`, by name."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name != "tinify" and exported(name):
            found.append(name)
    return found
