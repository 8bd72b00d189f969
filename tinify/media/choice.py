# SPDX-License-Identifier: Apache-2.0
"""Reading and writing files: the format is chosen by the extension, then by the content."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from tinify.errors import InputError, TinifyError
from tinify.media.files import check_free, read_bytes, write_whole
from tinify.media.format import MediaFormat
from tinify.signal import Signal

SNIFFED_BYTES = 4096


def formats() -> list[MediaFormat]:
    """The media formats of core and of the plugins that work (`tinify plugins` names the others)."""
    from tinify import registry

    found = []
    for component in registry.components("media"):
        try:
            found.append(registry.get("media", component.name))
        except TinifyError:
            continue
    return found


def read(source: str | os.PathLike | bytes | BinaryIO, name: str = "") -> Signal:
    """The signal in a file (a path, its bytes, or an open binary file); `name` stands in for a path.

    InputError (missing, empty, damaged, of an unknown kind) and LimitError begin with the name of the file.
    """
    if not name:
        name = os.fspath(source) if isinstance(source, str | os.PathLike) else getattr(source, "name", "")
    name = name if isinstance(name, str) else ""
    try:
        data = read_bytes(source)
        if not data:
            raise InputError("the file is empty")
        chosen = _for_reading(data, _extension(name))
        return chosen.read(data, _extension(name))
    except TinifyError as error:
        raise type(error)(f"{name or 'input'}: {error}") from error


def write(signal: Signal, path: str | os.PathLike, *, overwrite: bool = False) -> Path:
    """Writes the signal as the kind of file that the extension says; the file appears whole or not at all.

    OutputExistsError, unless `overwrite`; InputError when the kind is unknown or cannot hold the signal.
    """
    check_free(path, overwrite)
    extension = _extension(os.fspath(path))
    chosen = [media for media in formats() if extension in media.extensions]
    if not chosen:
        raise InputError(f"{path}: unknown extension {extension!r}; known are {_known()}")
    # A plugin may add a second format for an extension, for another modality.
    chosen.sort(key=lambda media: media.modality != signal.modality)
    try:
        return write_whole(path, lambda file: chosen[0].write(signal, file, extension), overwrite=overwrite)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def usual_extension(signal: Signal) -> str:
    """The extension (with the dot) of the kind of file that the signal came from, or else that suits it."""
    for media in formats():
        extension = media.restores(signal)
        if extension:
            return extension
    for media in formats():
        if media.modality == signal.modality:
            return media.extensions[0]
    raise InputError(f"no media format writes {signal.modality!r} signals; install a plugin that does, or use .npy")


def _extension(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _known() -> str:
    return ", ".join(sorted({extension for media in formats() for extension in media.extensions}))


def _for_reading(data: bytes, extension: str) -> MediaFormat:
    start = data[:SNIFFED_BYTES]
    named = [media for media in formats() if extension in media.extensions]
    fitting = [media for media in (named or formats()) if media.sniff(start)]
    if fitting:
        return fitting[0]
    # The extension may be wrong: what the content says then counts; else the format explains what is amiss.
    others = [media for media in formats() if media.sniff(start)]
    if others or named:
        return (others or named)[0]
    raise InputError(f"the content is of no known kind; files that can be read end in {_known()}")
