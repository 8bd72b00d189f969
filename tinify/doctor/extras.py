# SPDX-License-Identifier: Apache-2.0
"""Optional packages: which are here, and how to have the others."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from tinify.doctor.environment import DISTRIBUTION
from tinify.doctor.finding import Finding


def check() -> Iterator[Finding]:
    for extra, names in extras().items():
        missing = [name for name in names if not _version(name)]
        here = ", ".join(f"{name} {_version(name)}" for name in names if name not in missing)
        if missing:
            found = f"not here: {', '.join(missing)}" + (f"; here: {here}" if here else "")
            yield Finding(extra, found, next_step=f'pip install "{DISTRIBUTION}[{extra}]"')
        else:
            yield Finding(extra, here)


def extras() -> dict[str, list[str]]:
    """Extra -> names of its packages, as the installed metadata says; nothing where there is none."""
    found: dict[str, list[str]] = defaultdict(list)
    try:
        lines = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        return {}
    for line in lines:
        name = re.match(r"[\w.-]+", line)
        extra = re.search(r"extra\s*==\s*[\"']([^\"']+)[\"']", line)
        if name and extra:
            found[extra[1]].append(name[0])
    return dict(sorted(found.items()))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
