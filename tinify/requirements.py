# SPDX-License-Identifier: Apache-2.0
"""What a codec or a file needs beside tinify-codec, as lines "name version", held against what is installed here."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution

from tinify import plugins


def advice(requirements: Iterable[str]) -> str:
    """What to do about distributions, as "name version", that something needs and that are not in use here; "" when
    all are."""
    absent, unused = [], []
    for requirement in requirements:
        name = requirement.partition(" ")[0]
        try:
            found = distribution(name)
        except (PackageNotFoundError, ValueError):
            absent.append(requirement)
            continue
        brings = any(point.group == plugins.GROUP for point in found.entry_points)  # else a library of a plugin
        if brings and all(plugin.distribution != name or plugin.module is None for plugin in plugins.host().plugins):
            unused.append(name)
    steps = []
    if absent:
        names = " ".join(requirement.partition(" ")[0] for requirement in absent)
        steps.append(f"{', '.join(absent)} is needed and not installed. Next: `pip install {names}`")
    if unused:
        steps.append(f"{', '.join(unused)} is needed and installed, but not loaded. Next: `tinify plugins`")
    return "; ".join(steps)


def other_versions(requirements: Iterable[str]) -> str:
    """Which distributions, as "name version", are here in another version; "" when none is."""
    others = []
    for requirement in requirements:
        name, _, version = requirement.partition(" ")
        try:
            found = distribution(name).version
        except (PackageNotFoundError, ValueError):
            continue
        if found != version:
            others.append(f"{name} {version} wrote it, here is {found}")
    return "; ".join(others)
