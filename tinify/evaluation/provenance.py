# SPDX-License-Identifier: Apache-2.0
"""What a measured figure has to say about itself: the command and the versions that made it."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("tinify-codec", "torch", "numpy", "pillow")
LIBRARIES = ("libjpeg_turbo", "webp", "jpg_2000", "avif")


def versions() -> dict[str, str]:
    """Versions of Python, of the packages and of the image libraries inside Pillow; what is missing is left out."""
    from PIL import features

    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    for name in LIBRARIES:
        number = features.version(name)
        if number:
            found[name] = number
    return found


def command() -> str:
    """The command line of this process, as typed in the repository: absolute paths are cut to their last two parts."""
    program, *arguments = (_short(one) for one in sys.argv)
    if program.rsplit("/", 1)[-1] in ("tinify", "tinify.exe") or program.endswith("tinify/__main__.py"):
        return shlex.join(["tinify", *arguments])
    return shlex.join(["python", program, *arguments])


def _short(argument: str) -> str:
    return "/".join(argument.rstrip("/").rsplit("/", 2)[-2:]) if argument.startswith("/") else argument


def machine() -> dict[str, Any]:
    """Processor, cores and memory of this machine, as far as the system tells; no name of the host."""
    found: dict[str, Any] = {"system": f"{platform.system()} {platform.machine()}", "cores": os.cpu_count()}
    with suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        found["processor"] = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    with suppress(OSError, ValueError, AttributeError):
        found["memory_gb"] = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    return found
