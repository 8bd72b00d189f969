# SPDX-License-Identifier: Apache-2.0
"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """`what` was looked at, and what was found. A problem is something that should work and does not; it has a
    `next_step`. Where something that nobody has to have is absent, the next step says how to have it."""

    what: str
    found: str
    problem: bool = False
    next_step: str = ""


def broken(what: str, found: str, next_step: str) -> Finding:
    """A problem, with what to do."""
    return Finding(what, found, problem=True, next_step=next_step)


REINSTALL = "install it anew: pip install --force-reinstall --no-deps tinify-codec"
