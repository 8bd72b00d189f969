# SPDX-License-Identifier: Apache-2.0
"""TOML files to mappings and components, with errors that name the file, the key's path and the nearest known key."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from tinify import registry
from tinify.errors import ConfigError, InputError, UnknownComponentError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The mapping in a TOML file. InputError when it cannot be read, ConfigError when it is not TOML."""
    try:
        return parse_toml(Path(path).read_text("utf-8"), str(path))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """The mapping that TOML text describes. ConfigError, which begins with `where` it stands."""
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{where}: not valid TOML: {error}") from error


def build(config: Mapping[str, Any] | str | os.PathLike[str]) -> Any:
    """The component that a mapping, or a TOML file, describes.

    The mapping is {"kind": ..., "name": ..., other keys = arguments}; nested mappings of that form are built first.
    A TOML file may hold it at the top or in its table `[codec]` (as a zoo's codec.toml and a recipe's train.toml do).
    """
    if isinstance(config, Mapping):
        return registry.build_config(config)
    table = read_toml(config)
    where = ""
    if "kind" not in table and isinstance(table.get("codec"), dict):
        table, where = table["codec"], "codec"
    try:
        return registry.build_config(table, path=where)
    except (ConfigError, UnknownComponentError) as error:
        raise type(error)(f"{os.fspath(config)}: {error}") from error


def check_keys(table: Any, *, required: Iterable[str] = (), optional: Iterable[str] = (), where: str = "") -> None:
    """ConfigError unless `table` is a mapping with all required and otherwise only optional keys."""
    if not isinstance(table, Mapping):
        raise ConfigError(f"{where or 'config'}: expected a table, got {table!r}")
    known = [*required, *optional]
    for key in table:
        if key not in known:
            close = get_close_matches(key, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
            raise ConfigError(f"{_join(where, key)}: unknown key; {hint}")
    for key in required:
        if key not in table:
            raise ConfigError(f"{_join(where, key)}: this key is missing")


def _join(where: str, key: str) -> str:
    # "file.toml: " is a place in a file, "weights" a table in it.
    return f"{where}{key}" if not where or where.endswith(" ") else f"{where}.{key}"
