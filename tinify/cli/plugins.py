# SPDX-License-Identifier: Apache-2.0
"""`tinify plugins`"""

from __future__ import annotations

from typing import Any

import click

from tinify.cli.listing import json_option, print_rows


@click.command()
@click.option("--check", is_flag=True, help="Also import every component; exit with 7 when anything is wrong.")
@json_option
def plugins(check: bool, as_json: bool) -> int:
    """List the plugins: where they come from, what they bring, and what is wrong with them.

    TINIFY_PLUGINS, when set, lists the plugins to load, with commas between; empty means none.
    """
    from tinify.cli.plugin_commands import plugin_commands
    from tinify.errors import PluginError
    from tinify.plugins import host

    plugin_commands()
    rows = [row_of(plugin, check) for plugin in host().plugins]
    print_rows(rows, ["name", "status", "distribution", "version", "components", "hooks"], as_json=as_json)
    wrong = [row for row in rows if row["problems"]]
    for row in [] if as_json else wrong:
        for problem in row["problems"]:
            click.echo(f"{row['name']} ({row['distribution']} {row['version']}): {problem}", err=True)
    return PluginError.exit_code if check and wrong else 0


def row_of(plugin: Any, check: bool) -> dict[str, Any]:
    """What is known of a plugin; with `check`, after importing its components."""
    problems = list(plugin.problems)
    if check:
        problems += _imports(plugin)
    return {
        "name": plugin.name,
        "status": plugin.status if plugin.status != "ok" or not problems else "faulty",
        "distribution": plugin.distribution,
        "version": plugin.version,
        "location": plugin.location,
        "components": len(plugin.components),
        "hooks": ", ".join(hook.removeprefix("tinify_") for hook in plugin.hooks),
        "problems": problems,
    }


def _imports(plugin: Any) -> list[str]:
    from tinify import registry
    from tinify.errors import PluginError

    problems = []
    for row in plugin.components:
        try:
            registry.resolve(row)
        except PluginError as error:
            problems.append(str(error))
    return problems
