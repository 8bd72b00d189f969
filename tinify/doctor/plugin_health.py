# SPDX-License-Identifier: Apache-2.0
"""Each plugin as `tinify plugins --check` sees it."""

from __future__ import annotations

from collections.abc import Iterator

from tinify.doctor.finding import REINSTALL, Finding, broken

_SHOWN = 3  # problems of one plugin, which often have one cause


def check() -> Iterator[Finding]:
    from tinify.cli.plugin_commands import plugin_commands
    from tinify.cli.plugins import row_of
    from tinify.plugins import GROUP, host

    plugin_commands()
    for plugin in host().plugins:
        row, what = row_of(plugin, check=True), f"plugin {plugin.name}"
        if not row["problems"]:
            yield Finding(what, f"{plugin.origin}, {row['components']} components")
        shown = row["problems"][:_SHOWN]
        more = len(row["problems"]) - len(shown)
        for problem in [*shown, *([f"{more} problems more; `tinify plugins --check` lists them"] if more else [])]:
            step = f"mend it, or `pip uninstall {plugin.distribution}`"
            if plugin.distribution == "not installed":
                step = f"install it, or take it out of the variable TINIFY_PLUGINS ({plugin.name})"
            yield broken(what, problem, REINSTALL if plugin.name == GROUP else step)
