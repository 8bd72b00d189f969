# SPDX-License-Identifier: Apache-2.0
"""Commands that plugins add, each plugin's faults kept to itself."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tinify.errors import PluginConflictError

if TYPE_CHECKING:
    from tinify import plugins


@dataclass
class PluginCommands:
    """Commands by name, and the names that more than one plugin claims."""

    usable: dict[str, click.Command] = field(default_factory=dict)
    conflicts: dict[str, list[str]] = field(default_factory=dict)

    def get(self, name: str) -> click.Command | None:
        if name in self.conflicts:
            raise PluginConflictError(
                f"command {name!r} is claimed by {' and '.join(self.conflicts[name])}; none is "
                "used. Next: uninstall one of them"
            )
        return self.usable.get(name)


def plugin_commands() -> PluginCommands:
    """What the plugins of the current host bring."""
    if not _any_plugin():
        return PluginCommands()
    from tinify import plugins

    return _collect(plugins.host())


def _any_plugin() -> bool:
    """Whether any distribution on the path has an entry point for us, told without importlib.metadata and pluggy, whose
    import takes longer than a whole `tinify --help`."""
    for folder in sys.path:
        for points in Path(folder).glob("*.*-info/entry_points.txt"):
            try:
                if b"[tinify]" in points.read_bytes():
                    return True
            except OSError:
                continue
    return False


@lru_cache(maxsize=1)
def _collect(host: plugins.Host) -> PluginCommands:
    from tinify.cli.main import VERBS

    claims: dict[str, list[tuple[plugins.Plugin, click.Command]]] = {}
    for plugin in host.plugins:
        if "tinify_commands" not in plugin.hooks:
            continue
        group = click.Group()
        host.call(plugin, "tinify_commands", cli=group)
        for name, command in group.commands.items():
            if name in VERBS:
                plugin.problems.append(f"command {name!r} is core's and cannot be replaced")
            else:
                claims.setdefault(name, []).append((plugin, command))
    found = PluginCommands()
    for name, claimed in claims.items():
        if len(claimed) == 1:
            found.usable[name] = claimed[0][1]
            continue
        found.conflicts[name] = [plugin.origin for plugin, _ in claimed]
        for plugin, _ in claimed:
            plugin.problems.append(f"command {name!r} is claimed by {' and '.join(found.conflicts[name])}")
    return found
