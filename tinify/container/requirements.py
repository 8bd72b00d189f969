# SPDX-License-Identifier: Apache-2.0
"""Which distributions beside tinify-codec a file needs to be decoded: those that brought its codec, or parts of it.

"tinify-mine 0.1.0\\nother 2.1"   ASCII; a line for each: its name, a space, the version that wrote the file

The section says what to install; nothing is installed or imported because of it. Names and versions are checked before
they are shown: a file of a stranger may say what it likes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tinify.container.layout import REQUIREMENTS, Section, TnfFile
from tinify.errors import FormatError

MAX_REQUIREMENTS = 16
# Names as the packaging standards have them; versions likewise, with what local ones add.
_LINE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])? [A-Za-z0-9.!+_-]{1,32}")


def with_requirements(file: TnfFile, codec: Any) -> TnfFile:
    """The file as it is to be written: it names the distributions in `codec.requires`, if there are any."""
    needed = getattr(codec, "requires", ())
    if not needed:
        return file
    return replace(file, sections=(Section(REQUIREMENTS, pack_requirements(needed)), *file.sections))


def pack_requirements(needed: Sequence[str]) -> bytes:
    """The data of the section. FormatError for what is no "name version"."""
    return "\n".join(check_requirements(needed)).encode("ascii")


def requirements_of(file: Any) -> tuple[str, ...]:
    """The distributions that a file names, as "name version"; most name none. FormatError where they are none."""
    data = file.find(REQUIREMENTS)
    return () if data is None else unpack_requirements(data)


def unpack_requirements(data: bytes) -> tuple[str, ...]:
    """Undoes `pack_requirements`. FormatError."""
    return tuple(check_requirements(data.decode("ascii", errors="replace").split("\n")))


def check_requirements(lines: Sequence[str]) -> Sequence[str]:
    """The lines. FormatError where one is no "name version", or there are too many."""
    if len(lines) > MAX_REQUIREMENTS:
        raise FormatError(f"{len(lines)} distributions are required; at most {MAX_REQUIREMENTS} can be named")
    for line in lines:
        if not _LINE.fullmatch(line):
            raise FormatError(f"{line[:100]!r} is not the name of a distribution and a version")
    return lines
