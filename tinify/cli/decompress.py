# SPDX-License-Identifier: Apache-2.0
"""`tinify decompress`"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from tinify.cli.listing import json_option
from tinify.cli.paths import Output, Source, check_distinct, choose_output, expand, split_output
from tinify.cli.scale_out import chosen_engine, engine_option, gpus_option, jobs_option, run_engine
from tinify.cli.urls import has_extension, single_file

EXTENSION = ".tnf"
JPEGS = (".jpg", ".jpeg")
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Options:
    """How to restore: a loaded codec or None for the one that the file names, and of a series perhaps some rows, of a
    picture a region."""

    codec: Any
    extension: str | None
    rows: slice | None
    threads: int | None
    force: bool
    scale: int = 1
    region: tuple[int, int, int, int] | None = None


class _Rows(click.ParamType):
    """A:B as a slice; either may be left out."""

    name = "rows"

    def convert(self, value, param, ctx) -> slice:
        if isinstance(value, slice):
            return value
        ends = re.fullmatch(r"(-?\d*):(-?\d*)", value)
        if ends is None or "-" in ends.groups():
            self.fail(f"{value!r} is not A:B, such as 1000:2000, 1000: or :2000", param, ctx)
        return slice(*(int(end) if end else None for end in ends.groups()))


class _Region(click.ParamType):
    """TOP,LEFT,HEIGHT,WIDTH as four numbers."""

    name = "region"

    def convert(self, value, param, ctx) -> tuple[int, ...]:
        if not re.fullmatch(r"\d{1,15}(,\d{1,15}){3}", str(value)):
            self.fail(f"{value!r} is not TOP,LEFT,HEIGHT,WIDTH, such as 1000,2000,512,512", param, ctx)
        return tuple(map(int, value.split(",")))


class _Scale(click.ParamType):
    """1/N as N."""

    name = "scale"

    def convert(self, value, param, ctx) -> int:
        found = re.fullmatch(r"(?:1/)?([1-9]\d{0,5})", str(value))
        if found is None:
            self.fail(f"{value!r} is not 1/N, such as 1/8", param, ctx)
        return int(found[1])


@click.command()
@click.argument("paths", nargs=-1, metavar="IN... [OUT]")
@click.option("--output", "-o", help="Output file or folder; every path is then an input.")
@click.option("--codec", help="Codec file (my.codec) or folder (./mine), for files whose codec is not in the zoo.")
@click.option("--format", "extension", help="Extension of outputs that are not named, such as png or npy.")
@click.option(
    "--rows", type=_Rows(), metavar="A:B", help="Of a series, only rows A up to, not with, B; others are not read."
)
@click.option(
    "--region",
    type=_Region(),
    metavar="TOP,LEFT,HEIGHT,WIDTH",
    help="Of a picture, only these samples; tiles that do not hold any are not read.",
)
@click.option(
    "--scale",
    type=_Scale(),
    default=1,
    metavar="1/N",
    help="Of a picture, a small one; the file's beginning is enough.",
)
@click.option("--threads", type=click.IntRange(1), help="Chunks or tiles that are decoded at a time. Default: 2.")
@click.option("--force", "-f", is_flag=True, help="Overwrite outputs that exist.")
@click.option("--recursive", "-r", is_flag=True, help="Look into the folders of a folder, too.")
@engine_option
@jobs_option
@gpus_option
@json_option
def decompress(
    paths, output, codec, extension, rows, region, scale, threads, force, recursive, engine, jobs, gpus, as_json
) -> int:
    """Restore files from .tnf.

    IN is a .tnf file, a folder, a pattern or - (standard input). The last of several paths is the output when it does
    not end in .tnf. Without one, photo.tnf becomes photo.png beside it: pictures come back as PNG, series as the kind
    of file that they came from, and what `tinify repack` made as the JPEG file that it was.
    A file may be at a URL that fsspec knows: s3://bucket/photo.tnf photo.png.
    """
    from tinify import api
    from tinify.cli.batch import run_batch
    from tinify.cli.streams import refuse_terminal

    if region is not None and (rows is not None or scale != 1):
        raise click.UsageError("--region goes neither with --rows nor with --scale")
    single = single_file(paths, output, _is_output, _is_input) if engine is jobs is None else None
    engine = None if single else chosen_engine(engine, jobs, paths, output)
    if engine is not None:
        if rows is not None or region is not None or scale != 1:
            raise click.UsageError("--engine restores whole files; it goes with none of --rows, --region, --scale")
        how = {"codec": codec, "extension": _dotted(extension), "threads": threads}
        return run_engine("decompress", paths, output, engine, jobs, as_json, force, how, gpus)
    if single is not None:
        sources, place = single.sources, Output(stream=single.is_stream)
    else:
        inputs, output = split_output(paths, output, lambda last: not _is_input(last))
        sources = expand(inputs, {EXTENSION}, recursive)
        place = choose_output(output, sources, inputs)
        check_distinct([place.target(source, EXTENSION) for source in sources])
    if place.stream:
        refuse_terminal()
        if as_json:
            raise click.UsageError("--json and the restored data cannot both go to standard output; name an output")
    codec = codec if codec is None else api.load(codec)
    options = Options(codec, _dotted(extension), rows, threads, force, scale, region)

    def work(source: Source, progress: Progress) -> dict[str, Any]:
        return _decompress(source, place, options, progress)

    if single is not None:
        work = single.work(lambda source, place, progress: _decompress(source, place, options, progress), force)
    return run_batch(sources, work, _line, verb="decompress", as_json=as_json, quiet_stdout=place.stream)


def _is_input(text: str) -> bool:
    return text.lower().endswith(EXTENSION)


def _is_output(last: str) -> bool:
    return has_extension(last) and not _is_input(last)


def _dotted(extension: str | None) -> str | None:
    return f".{extension.lstrip('.').lower()}" if extension else None


def _decompress(source: Source, place: Output, options: Options, progress: Progress) -> dict[str, Any]:
    from tinify import api, media
    from tinify.cli.streams import read_source, write_signal
    from tinify.file_to_file import is_indexed, is_tiled

    start = time.perf_counter()
    if place.file is not None:
        media.check_free(place.file, options.force)
    if options.rows is not None or (source.path is not None and is_indexed(source.path)):
        return _decompress_rows(source, place, options, progress)
    tiled = options.scale == 1 and source.path is not None and is_tiled(source.path)
    if options.region is not None or tiled:
        return _decompress_region(source, place, options, progress)
    data = read_source(source)
    done = _restore_jpeg(source, data, place, options, start)
    if done is not None:
        return done
    given = {"scale": options.scale, "threads": options.threads, "progress": progress}
    signal = api.decompress_signal(data, options.codec, **given)
    extension = options.extension or media.usual_extension(signal)
    target = place.target(source, extension)
    write_signal(signal, target, extension, force=options.force)
    shape, dtype = signal.samples.shape, signal.samples.dtype.name
    return _result(source, target, signal.modality, shape, dtype, len(data), start)


def _restore_jpeg(source: Source, data: bytes, place: Output, options: Options, start: float) -> dict[str, Any] | None:
    """The JPEG file that a file holds; None where it holds none, or its picture is asked for in another format."""
    from tinify import container, jpeg_files
    from tinify.cli.streams import write_data

    wanted = options.extension or ("" if place.file is None else place.file.suffix.lower())
    if options.scale != 1 or wanted not in ("", *JPEGS):
        return None
    file = container.unpack(data)
    if not jpeg_files.holds_jpeg(file):
        return None
    target = place.target(source, wanted or JPEGS[0])
    write_data(jpeg_files.restore(data, options.codec), target, force=options.force)
    return _result(source, target, file.modality, file.shape, file.dtype, len(data), start)


def _decompress_rows(source: Source, place: Output, options: Options, progress: Progress) -> dict[str, Any]:
    """Of a series in chunks only what is needed, and never all of it in memory where the output is a .npy file."""
    import numpy as np

    from tinify import api, media
    from tinify.cli.streams import read_source, write_part
    from tinify.signal import Signal

    start = time.perf_counter()
    data = read_source(source) if source.path is None else source.path
    with api.open(data, options.codec) as reader:
        some = Signal("series", np.zeros((0, reader.shape[1]), reader.dtype), reader.metadata)
        extension = options.extension or media.usual_extension(some)
        target = place.target(source, extension)
        first, stop = reader.bounds(slice(None) if options.rows is None else options.rows)
        write_part(reader, target, extension, force=options.force, rows=options.rows, threads=options.threads,
                   progress=progress)  # fmt: skip
        size = len(data) if source.path is None else source.path.stat().st_size
        return _result(source, target, "series", (stop - first, reader.shape[1]), reader.dtype.name, size, start)


def _decompress_region(source: Source, place: Output, options: Options, progress: Progress) -> dict[str, Any]:
    """Of a picture in tiles only what is needed, and never all of it in memory where the output is raw."""
    import numpy as np

    from tinify import api, media
    from tinify.cli.streams import read_source, write_region
    from tinify.signal import Signal

    start = time.perf_counter()
    data = read_source(source) if source.path is None else source.path
    with api.open_picture(data, options.codec) as reader:
        some = Signal("image", np.zeros((1, 1, reader.shape[2]), reader.dtype), reader.metadata)
        extension = options.extension or media.usual_extension(some)
        target = place.target(source, extension)
        _, _, height, width = reader.region(options.region)
        given = {"region": options.region, "threads": options.threads, "progress": progress}
        write_region(reader, target, extension, force=options.force, **given)
        size = len(data) if source.path is None else source.path.stat().st_size
        shape = (height, width, reader.shape[2])
        return _result(source, target, "image", shape, reader.dtype.name, size, start)


def _result(source, target, modality, shape, dtype, size, start) -> dict[str, Any]:
    return {
        "input": str(source),
        "output": "-" if target is None else str(target),
        "modality": modality,
        "shape": list(shape),
        "dtype": dtype,
        "input_bytes": size,
        "seconds": round(time.perf_counter() - start, 3),
    }


def _line(result: dict[str, Any]) -> str:
    size = "x".join(map(str, result["shape"]))
    return f"{result['input']} -> {result['output']}  {result['modality']} {size} {result['dtype']}"
