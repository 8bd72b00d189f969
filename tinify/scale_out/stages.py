# SPDX-License-Identifier: Apache-2.0
"""What happens to one file, in three stages that may run in different processes.

    compress     read: file -> Signal       model: Signal -> bytes of a .tnf file     write: bytes -> file, row
    decompress   read: file -> bytes        model: bytes -> Signal, or a JPEG's bytes write: Signal -> file, row

What is long (a raw picture or series above LONG bytes, a .tnf in chunks or tiles) goes from file to file in the model
stage, a few pieces in memory at a time. A stage that fails gives the row that says so, which the next hand on.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from tinify import api, container, file_to_file, jpeg_files, media
from tinify.errors import TinifyError
from tinify.scale_out.places import LocalPlace
from tinify.scale_out.plan import Job, OutputNames, Place
from tinify.scale_out.settings import Settings
from tinify.signal import Signal

LONG = 8 << 20
REQUESTS = 8
RAW = (".npy", ".ppm", ".pgm")
JPEG = ".jpg"


@dataclass(frozen=True)
class Row:
    """The end of a file's way: its row of the manifest."""

    row: dict[str, Any]


@dataclass(frozen=True)
class Spec:
    """All that a worker needs to know, whichever the engine."""

    inputs: tuple[Place, ...]
    output: Place
    settings: Settings
    settings_name: str
    names: OutputNames

    def of_one_thread(self) -> Spec:
        """The same for workers of which there are as many as processors; what comes out is the same, too."""
        return replace(self, settings=replace(self.settings, threads=self.settings.threads or 1))

    def stages(self) -> Stages:
        return (Compress if self.settings.verb == "compress" else Decompress)(self)


class Stages:
    """The stages of one spec; the codec is loaded when `load` is called, or else with the first file, and kept."""

    def __init__(self, spec: Spec):
        self.spec, self.settings = spec, spec.settings

    @cached_property
    def codec(self) -> Any:
        """None: each file says which."""
        return None if self.settings.codec is None else api.load(self.settings.codec)

    def load(self) -> None:
        """Loads the codec that is named. Errors of `api.load`."""
        _ = self.codec

    def whole(self, job: Job) -> dict[str, Any]:
        """Every stage; gives the row."""
        return self.write(job, self.model(job, self.read(job)))

    def each(self, stage: Callable[[Any], Any], elements: list) -> list:
        """What reading or writing makes of each element: where that is waiting for a network, of several at a time."""
        if all(isinstance(place, LocalPlace) for place in (*self.spec.inputs, self.spec.output)):
            return [stage(element) for element in elements]
        with ThreadPoolExecutor(REQUESTS) as pool:
            return list(pool.map(stage, elements))

    def read(self, job: Job) -> Any:
        return self._try(job, self._read, None)

    def model(self, job: Job, value: Any) -> Any:
        return self._try(job, self._model, value)

    def write(self, job: Job, value: Any) -> dict[str, Any]:
        return self._try(job, self._write, value).row

    def _try(self, job: Job, stage: Callable[[Job, Any], Any], value: Any) -> Any:
        if isinstance(value, Row):
            return value
        try:
            return stage(job, value)
        except TinifyError as error:
            return Row(job.failed(str(error), error.exit_code))
        except Exception as error:  # a codec's or a library's own: this file fails, others may not
            return Row(job.failed(f"{type(error).__name__}: {error}"))

    def _publish(self, job: Job, extension: str, produce: Callable[[Path], object], codec: str) -> Row:
        name = self.spec.names.of(job.name, extension)
        size = self.spec.output.publish(name, produce, overwrite=job.overwrite)
        done = {"settings": self.spec.settings_name, "output": name, "bytes": size, "codec": codec}
        return Row(job.row("done", **done))

    def _place(self, job: Job) -> Place:
        return self.spec.inputs[job.place]

    def _read(self, job: Job, _: None) -> Any:
        raise NotImplementedError

    def _model(self, job: Job, value: Any) -> Any:
        raise NotImplementedError

    def _write(self, job: Job, value: Any) -> Row:
        raise NotImplementedError


class Compress(Stages):
    """Files to .tnf files."""

    def _read(self, job: Job, _: None) -> Signal | None:
        place = self._place(job)
        if PurePosixPath(job.name).suffix.lower() in RAW:
            if job.size > LONG and not any(value is not None for value in self.settings.target.values()):
                return None
            with place.fetched(job.name) as path:
                return api.to_signal(path)
        return media.read(place.read(job.name), name=job.input)

    def _model(self, job: Job, signal: Signal | None) -> tuple[str, bytes] | Row:
        if signal is None:
            return self._in_pieces(job)
        given = {**self.settings.target, **self.settings.pieces, **self.settings.bound}
        data = api.compress_signal(signal, self.codec, self.settings.quality, **given)
        return api.codec_for(signal, self.codec).name, data

    def _write(self, job: Job, made: tuple[str, bytes]) -> Row:
        codec, data = made
        return self._publish(job, "", lambda path: path.write_bytes(data), codec)

    def _in_pieces(self, job: Job) -> Row:
        used: list[str] = []
        given = {**self.settings.pieces, **self.settings.bound}

        def produce(path: Path) -> None:
            written = file_to_file.compress_file(source, path, self.codec, self.settings.quality, **given)
            used.append(written.codec)

        with self._place(job).fetched(job.name) as source:
            row = self._publish(job, "", produce, "")
        return Row(row.row | {"codec": used[0]})


class Decompress(Stages):
    """.tnf files to what they were."""

    def _read(self, job: Job, _: None) -> bytes | None:
        place = self._place(job)
        path = place.path(job.name)
        if job.size > LONG and path is not None and (file_to_file.is_indexed(path) or file_to_file.is_tiled(path)):
            return None
        return place.read(job.name)

    def _model(self, job: Job, data: bytes | None) -> tuple[str, str, Any] | Row:
        """(extension, codec, Signal or bytes)"""
        if data is None:
            return self._in_pieces(job)
        if self.settings.extension in (None, JPEG, ".jpeg"):
            file = container.unpack(data)
            if jpeg_files.holds_jpeg(file):
                return self.settings.extension or JPEG, file.codec, jpeg_files.restore(data, self.codec)
        signal = api.decompress_signal(data, self.codec, threads=self.settings.threads)
        extension = self.settings.extension or media.usual_extension(signal)
        return extension, container.inspect(data)["codec"], signal

    def _write(self, job: Job, made: tuple[str, str, Any]) -> Row:
        extension, codec, value = made
        if isinstance(value, bytes):
            return self._publish(job, extension, lambda path: path.write_bytes(value), codec)
        return self._publish(job, extension, lambda path: media.write(value, path.with_suffix(extension)), codec)

    def _in_pieces(self, job: Job) -> Row:
        path = self._place(job).path(job.name)
        with open(path, "rb") as file:
            header = container.open_entries(file).file
        open_reader = api.open_picture if header.modality == container.IMAGE else api.open
        with open_reader(path, self.codec) as reader:
            some = Signal(header.modality, reader.read((0, 0, 1, 1)) if header.modality == container.IMAGE
                          else reader.read(0, 1), reader.metadata)  # fmt: skip
        extension = self.settings.extension or media.usual_extension(some)

        def produce(target: Path) -> None:
            file_to_file.decompress_file(path, target, self.codec, threads=self.settings.threads)

        return self._publish(job, extension, produce, header.codec)
