# SPDX-License-Identifier: Apache-2.0
"""What a measured figure has to say about itself: the command and the versions that made it."""

from __future__ import annotations

import platform
import shlex
import sys
from importlib.metadata import PackageNotFoundError, version

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
    """The command line of this process, as typed in the repository: the path to the program is cut to two parts."""
    program = "/".join(sys.argv[0].rsplit("/", 2)[-2:])
    return shlex.join(["python", program, *sys.argv[1:]])
