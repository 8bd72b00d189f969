# SPDX-License-Identifier: Apache-2.0
"""What a kind of file has to offer so that tinify reads and writes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from tinify.signal import Signal


@dataclass(frozen=True)
class MediaFormat:
    """One kind of file, or one family of kinds that a library reads. A plugin registers an instance as kind "media".

    name, modality: of the format, and of the signals that it reads
    extensions: lower case, with the dot; the first is the usual one
    sniff(start) -> whether a file that begins with these bytes (at most 4096) is of this kind
    read(data, extension) -> Signal; InputError says what is wrong and what to do
    write(signal, file, extension): writes to an open binary file; InputError when the kind cannot hold the signal
    restores(signal) -> the extension of the kind of file that the signal came from, or None when not from this kind
    """

    name: str
    modality: str
    extensions: tuple[str, ...]
    sniff: Callable[[bytes], bool]
    read: Callable[[bytes, str], Signal]
    write: Callable[[Signal, BinaryIO, str], None]
    restores: Callable[[Signal], str | None]
