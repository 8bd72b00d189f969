# SPDX-License-Identifier: Apache-2.0
"""The plugin contract: four hooks, each of which returns what the plugin brings.

A plugin is a distribution with one entry point in the group `tinify`; its value is a module with functions of these
names, marked `@tinify.hookspecs.hookimpl`. The module should import little: targets are strings, imported on first use.

    from tinify.hookspecs import hookimpl
    from tinify.registry import Component

    @hookimpl
    def tinify_components():
        yield Component("quantizer", "my-vq", "tinify_my.vq:MyVQ", "a quantizer with my codebook")
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from tinify.registry import Component

if TYPE_CHECKING:
    import click

hookspec = pluggy.HookspecMarker("tinify")
hookimpl = pluggy.HookimplMarker("tinify")


@dataclass(frozen=True)
class ModelCard:
    """A zoo folder: `path` holds codec.toml and weights.safetensors (see `tinify.zoo`)."""

    name: str
    path: Path
    summary: str = ""
    plugin: str = "tinify"


@hookspec
def tinify_components() -> Iterable[Component]:  # type: ignore[empty-body]
    """Components of every kind, except media. Their `plugin` field is filled in by tinify."""


@hookspec
def tinify_models() -> Iterable[ModelCard]:  # type: ignore[empty-body]
    """Pretrained codecs: one zoo folder each."""


@hookspec
def tinify_media() -> Iterable[Component]:  # type: ignore[empty-body]
    """File formats: components of kind "media" whose targets are `tinify.media.MediaFormat` instances."""


@hookspec
def tinify_commands(cli: click.Group) -> Any:
    """Add sub-commands to the command line: `cli.add_command(...)`. A verb of core cannot be replaced."""
