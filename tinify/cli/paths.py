# SPDX-License-Identifier: Apache-2.0
"""Which files a command reads and where it writes: files, folders, patterns and `-`."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from tinify.errors import InputError

STREAM = "-"


@dataclass(frozen=True)
class Source:
    """A file to read, or `-` (then `path` is None); `inner` is its place below the folder that was named; `url`: where
    it is, if it is not here."""

    path: Path | None
    inner: Path
    url: str = ""

    def __str__(self) -> str:
        if self.url:
            return self.url
        return STREAM if self.path is None else str(self.path)


@dataclass(frozen=True)
class Output:
    """Where to write: a stream, one file, a folder, or (all None and False) beside each source."""

    stream: bool = False
    file: Path | None = None
    folder: Path | None = None

    def target(self, source: Source, extension: str) -> Path | None:
        """The file to write for a source, with the extension that it is to have; None for the stream."""
        if self.stream:
            return None
        if self.file is not None:
            return self.file
        place = self.folder / source.inner if self.folder is not None else source.path
        return place.with_suffix(extension)


def split_output(
    paths: tuple[str, ...], option: str | None, is_output: Callable[[str], bool]
) -> tuple[list[str], str | None]:
    """`IN... [OUT]` taken apart: with an option given every path is an input, else the last may be the output.

    The last of several is the output when it is `-` or an existing folder, ends in a separator, or `is_output` says so.
    """
    if not paths:
        raise click.UsageError("name at least one input: a file, a folder, a pattern, or - for standard input")
    last = paths[-1]
    if option is not None or len(paths) < 2:
        return list(paths), option
    if last == STREAM or last.endswith(("/", os.sep)) or Path(last).is_dir() or is_output(last):
        return list(paths[:-1]), last
    return list(paths), None


def expand(inputs: list[str], extensions: set[str], recursive: bool) -> list[Source]:
    """The files that the inputs name, each once; of a folder those with one of the extensions.

    InputError for a pattern or folder with nothing in it. A file that is named but missing is left to its reader.
    """
    sources: dict[str, Source] = {}
    for text in inputs:
        for source in _expand_one(text, extensions, recursive):
            sources.setdefault(str(source), source)
    return list(sources.values())


def choose_output(output: str | None, sources: list[Source], inputs: list[str]) -> Output:
    """What kind of place the output is. UsageError when one file is to hold several."""
    if output is None:
        if len(sources) > 1 and any(source.path is None for source in sources):
            raise click.UsageError("what standard input gives has no place to go; name a folder with --output")
        return Output(stream=sources[0].path is None)
    several = len(sources) > 1 or any(Path(text).is_dir() for text in inputs)
    if output == STREAM:
        if several:
            raise click.UsageError("several inputs cannot go to one stream; name a folder with --output")
        return Output(stream=True)
    if output.endswith(("/", os.sep)) or Path(output).is_dir() or (several and not Path(output).exists()):
        return Output(folder=Path(output))
    if several:
        raise click.UsageError(f"several inputs cannot go to one file, {output}; name a folder with --output")
    return Output(file=Path(output))


def check_distinct(targets: list[Path | None]) -> None:
    """UsageError when two inputs would be written to one file."""
    twice = [str(path) for path, count in Counter(targets).items() if path is not None and count > 1]
    if twice:
        raise click.UsageError(f"two inputs would both be written to {twice[0]}; name a folder for one of them")


def _expand_one(text: str, extensions: set[str], recursive: bool) -> list[Source]:
    path = Path(text)
    if text == STREAM:
        return [Source(None, Path("stdin"))]
    if path.is_dir():
        return _folder(path, extensions, recursive)
    if not path.exists() and glob.has_magic(text):
        found = [Path(name) for name in sorted(glob.glob(text, recursive=True)) if Path(name).is_file()]
        if not found:
            raise InputError(f"{text}: no file fits this pattern")
        return [Source(file, Path(file.name)) for file in found]
    return [Source(path, Path(path.name))]


def _folder(folder: Path, extensions: set[str], recursive: bool) -> list[Source]:
    below = sorted(folder.rglob("*") if recursive else folder.iterdir())
    found = [
        path
        for path in below
        if path.suffix.lower() in extensions
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    if not found:
        hint = "" if recursive else "; --recursive looks into its folders, too"
        raise InputError(f"{folder}: nothing in this folder ends in {', '.join(sorted(extensions))}{hint}")
    return [Source(path, path.relative_to(folder)) for path in found]
