# SPDX-License-Identifier: Apache-2.0
"""All checkups, each with its faults kept to itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module

from tinify.doctor.finding import Finding, broken

# topic -> module of tinify.doctor whose `check` looks at it
CHECKUPS = {
    "environment": "environment",
    "native core": "native",
    "coders": "coders",
    "plugins": "plugin_health",
    "pretrained codecs": "codecs",
    "optional packages": "extras",
}

NEED_CORE = {"coders", "plugins", "pretrained codecs"}  # without torch or the native core nothing of these works


def examine(begin: Callable[[str], object] = lambda topic: None) -> Iterator[tuple[str, Finding]]:
    """(topic, finding) after (topic, finding); `begin` is told of each topic first."""
    for topic, module in CHECKUPS.items():
        begin(topic)
        lacking = _lacking() if topic in NEED_CORE else ""
        if lacking:
            yield topic, Finding("not looked at", f"{lacking} cannot be imported; see above")
            continue
        try:
            for finding in import_module(f"tinify.doctor.{module}").check():
                yield topic, finding
        except Exception as error:  # a checkup that fails is a finding, and the others go on
            fault = f"{type(error).__name__}: {error}".replace("\n", " ")
            yield topic, broken("checkup", fault, "report this as a bug, with what `tinify doctor --json` prints")


def _lacking() -> str:
    """What of the libraries under everything cannot be imported."""
    for name in ("numpy", "torch", "tinify._core"):
        try:
            import_module(name)
        except (ImportError, OSError):
            return name
    return ""
