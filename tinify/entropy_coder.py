# SPDX-License-Identifier: Apache-2.0
"""Which entropy coder is used where a model was not given one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from tinify import registry

_DEFAULT = "rans32"
_COMPRESSAI_NAMES = {"ans": "rans64"}
_current: ContextVar[str] = ContextVar("entropy_coder", default=_DEFAULT)


def available_entropy_coders() -> list[str]:
    """Names of the registered entropy coders, plugins' among them."""
    return [component.name for component in registry.components("coder")]


def _known(name: str) -> str:
    name = _COMPRESSAI_NAMES.get(name, name)
    registry.find("coder", name)
    return name


def set_entropy_coder(name: str) -> str:
    """Makes `name` the coder of models that were not given one, in this thread and context; returns the name.

    "ans", CompressAI's name, means `rans64`, whose streams are CompressAI's to the byte.
    Raises UnknownComponentError for a name that no component has.
    """
    _current.set(_known(name))
    return _current.get()


def get_entropy_coder() -> str:
    """Name of the coder in use where a model was not given one; `rans32` at the start."""
    return _current.get()


@contextmanager
def using_entropy_coder(name: str) -> Iterator[None]:
    """Within the block `name` is the default coder, as a file does that says which coder wrote it."""
    token = _current.set(_known(name))
    try:
        yield
    finally:
        _current.reset(token)
