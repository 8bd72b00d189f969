# SPDX-License-Identifier: Apache-2.0
"""The package `compressai`, imported when a component is first built."""

from __future__ import annotations

import importlib
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Any

from tinify.errors import MissingExtraError, PluginError

_MISSING_OPERATOR = "torchvision::nms"
_libraries: list[Any] = []


@lru_cache(maxsize=1)
def compressai() -> ModuleType:
    """The package. MissingExtraError where it is not installed, PluginError where it cannot be imported."""
    try:
        return _imported()
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError) and error.name == "compressai":
            raise MissingExtraError("compressai is not installed; `pip install compressai`") from error
        raise PluginError(f"compressai cannot be imported: {error}") from error


def part(name: str) -> ModuleType:
    """A module inside the package: `part("latent_codecs")`."""
    return importlib.import_module(f"{compressai().__name__}.{name}")


def requirements() -> tuple[str, ...]:
    """What a file of this plugin needs to be decoded, as "name version"."""
    return tuple(f"{name} {_version(name)}" for name in ("tinify-compressai", "compressai"))


def _imported() -> ModuleType:
    try:
        return importlib.import_module("compressai")
    except RuntimeError as error:
        if _MISSING_OPERATOR not in str(error):
            raise
    _define_operators()
    return importlib.import_module("compressai")


def _define_operators() -> None:
    # compressai imports torchvision for data sets alone. A torchvision that was built for another torch does not load
    # its operators, and then fails on their names; nothing here calls them.
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _libraries.append(library)  # the operators live as long as this does


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # used from a source tree
        return "0"
