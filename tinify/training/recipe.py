# SPDX-License-Identifier: Apache-2.0
"""A training recipe: everything that made a set of weights, read strictly from TOML."""

from __future__ import annotations

import difflib
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from tinify.config import read_toml
from tinify.errors import ConfigError


def read_recipe(path: str | Path, kind: type) -> Any:
    """The recipe, a dataclass of type `kind`, in a TOML file.

    Raises ConfigError with the path of a key that is unknown, missing or ill-typed, InputError without the file.
    """
    return parse_recipe(read_toml(path), kind)


def parse_recipe(table: Any, kind: type) -> Any:
    """The same from a table that is read already."""
    return _record(kind, table, "")


def _record(cls: type, table: Any, where: str) -> Any:
    if not isinstance(table, dict):
        raise ConfigError(f"{where or 'recipe'}: expected a table, got {table!r}")
    known = {f.name for f in fields(cls)}
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f'; did you mean "{near[0]}"?' if near else f"; known: {', '.join(sorted(known))}"
            raise ConfigError(f"{where}{key}: unknown key{hint}")
    hints = get_type_hints(cls)
    values = {key: _value(hints[key], value, f"{where}{key}") for key, value in table.items()}
    try:
        return cls(**values)
    except TypeError as error:
        raise ConfigError(f"{where or 'recipe'}: {str(error).split('__init__() ')[-1]}") from None


def _value(hint: Any, value: Any, where: str) -> Any:
    if is_dataclass(hint):
        return _record(hint, value, where + ".")
    if get_origin(hint) is Literal:
        return _choice(get_args(hint), value, where)
    plain = getattr(hint, "__origin__", hint)
    if plain is float and type(value) is int:
        return float(value)
    if type(value) is not plain:
        raise ConfigError(f"{where}: expected {plain.__name__}, got {value!r}")
    if plain is list:
        return [_value(*get_args(hint), item, f"{where}[{i}]") for i, item in enumerate(value)]
    return value


def _choice(allowed: tuple[str, ...], value: Any, where: str) -> str:
    if isinstance(value, str) and value in allowed:
        return value
    near = difflib.get_close_matches(str(value), allowed, 1)
    hint = f'did you mean "{near[0]}"?' if near else f"allowed: {', '.join(map(repr, allowed))}"
    raise ConfigError(f"{where}: {value!r} is not allowed; {hint}")
