# SPDX-License-Identifier: Apache-2.0
"""Which module of this package trains what: the key `trainer` of a recipe."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from tinify.config import read_toml
from tinify.errors import ConfigError
from tinify.training.recipe import parse_recipe

IMAGE = "image"
# trainer -> (module, type of its recipes); each has `train(recipe, data, run)`, and networks of pictures more
_OTHERS = {
    "heads": ("tinify.training.heads", "HeadRecipe"),
    "jpeg-like": ("tinify.training.jpeg_like", "JpegLikeRecipe"),
    "mixing": ("tinify.training.mixing", "MixingRecipe"),
    "pictures": ("tinify.training.pictures", "PictureRecipe"),
    "restoration": ("tinify.training.restoration", "RestorationRecipe"),
    "series": ("tinify.training.series", "SeriesRecipe"),
    "subbands": ("tinify.training.subbands", "SubbandRecipe"),
    "tcrae": ("tinify.training.tcrae", "TcraeRecipe"),
}


def read_any(path: Path) -> tuple[str, Any]:
    """The trainer that a recipe names ("image" if none), and the recipe. ConfigError, InputError."""
    table = read_toml(path)
    name = table.pop("trainer", IMAGE)
    if name == IMAGE:
        from tinify.training.image.recipe import ImageRecipe

        return name, parse_recipe(table, ImageRecipe)
    if not isinstance(name, str) or name not in _OTHERS:
        known = [IMAGE, *_OTHERS]
        near = get_close_matches(str(name), known, 1)
        hint = f'did you mean "{near[0]}"?' if near else f"known: {', '.join(known)}"
        raise ConfigError(f"trainer: {name!r} is not known; {hint}")
    module, kind = _OTHERS[name]
    return name, parse_recipe(table, getattr(importlib.import_module(module), kind))


def train_function(name: str) -> Callable[[Any, Path, Path], Any]:
    """`train(recipe, data, run)` of a trainer other than "image"."""
    return importlib.import_module(_OTHERS[name][0]).train
