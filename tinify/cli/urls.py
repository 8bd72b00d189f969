# SPDX-License-Identifier: Apache-2.0
"""Single files at URLs: fetched, worked on as local ones, and put where they belong. Folders at URLs: an engine's."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tinify.cli.paths import STREAM, Output, Source
from tinify.errors import InputError, OutputExistsError

Progress = Callable[[int, int], None]


def is_url(text: str | None) -> bool:
    return text is not None and "://" in text


def has_extension(text: str) -> bool:
    return bool(os.path.splitext(text)[1])


@dataclass(frozen=True)
class SingleFile:
    """One file to one file, of which at least one is at a URL. output None: beside the input."""

    source: str
    output: str | None

    @property
    def name(self) -> str:
        return _split(self.source)[1]

    @property
    def sources(self) -> list[Source]:
        """As `run_batch` takes them: named by where they are."""
        return [Source(Path(self.name), Path(self.name), self.source)]

    @property
    def is_stream(self) -> bool:
        return self.output == STREAM

    def work(self, inner: Callable[[Source, Output, Progress], dict[str, Any]], force: bool) -> Callable:
        """What `run_batch` calls: `inner`, on local files. Its errors, InputError, OutputExistsError."""

        def work(_: Source, progress: Progress) -> dict[str, Any]:
            self._check_free(force)
            with TemporaryDirectory() as folder, _fetched(self.source) as path:
                result = inner(Source(path, Path(self.name)), self._place(Path(folder)), progress)
                return {**result, "input": self.source, "output": self._publish(Path(folder), result, force)}

        return work

    def _place(self, folder: Path) -> Output:
        if self.output is None:
            return Output(folder=folder)
        if self.is_stream:
            return Output(stream=True)
        return Output(file=folder / _split(self.output)[1] if is_url(self.output) else Path(self.output))

    def _check_free(self, force: bool) -> None:
        if is_url(self.output) and not force:
            place, name = _place_of(self.output)
            try:
                place.find(name)
            except InputError:
                return
            raise OutputExistsError(f"{self.output} exists already; --force overwrites it")

    def _publish(self, folder: Path, result: dict[str, Any], force: bool) -> str:
        if self.output is not None and not is_url(self.output):
            return self.output
        made = Path(result["output"])
        target = self.output or f"{_split(self.source)[0]}{made.name}"
        _put(made, target, force)
        return target


def single_file(
    paths: tuple[str, ...],
    output: str | None,
    is_output: Callable[[str], bool],
    is_input: Callable[[str], bool],
) -> SingleFile | None:
    """`IN [OUT]` where one of them is a file at a URL; None where they are something else. `is_output`, `is_input`: of
    a text, whether it names a file of that kind, not a folder."""
    if output is None and len(paths) == 2:
        *paths, output = paths
    if len(paths) != 1 or not (is_url(paths[0]) or is_url(output)):
        return None
    source = paths[0]
    if source == STREAM or not is_input(source) or (not is_url(source) and os.path.isdir(source)):
        return None
    if output not in (None, STREAM) and not is_output(output):
        return None
    return SingleFile(source, output)


def read(url: str) -> bytes:
    """All bytes of a file at a URL. InputError, MissingExtraError."""
    place, name = _place_of(url)
    return place.read(name)


def _put(made: Path, target: str, force: bool) -> None:
    from tinify.cli.streams import write_data
    from tinify.scale_out.places import PARTIAL

    place, name = _place_of(target)
    here = place.path(name)
    if here is not None:
        write_data(made.read_bytes(), here, force=force)
        return
    if not place.store:  # where files do not appear whole; an engine may be using the same folder
        place.system.makedirs(f"{place.root}/{PARTIAL}", exist_ok=True)
    place.publish(name, lambda free: shutil.copyfile(made, free), overwrite=force)


def _split(text: str) -> tuple[str, str]:
    """What is before the name of the file, with its separator, and the name."""
    name = text.rsplit("/", 1)[-1]
    return text[: len(text) - len(name)], name


def _place_of(url: str) -> tuple[Any, str]:
    from tinify.scale_out.places import open_place

    folder, name = _split(url)
    return open_place(folder), name


def _fetched(source: str) -> AbstractContextManager[Path]:
    if not is_url(source):
        return nullcontext(Path(source))
    place, name = _place_of(source)
    return place.fetched(name)
