# SPDX-License-Identifier: Apache-2.0
"""`tinify compress`"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tinify.cli.listing import json_option
from tinify.cli.max_error import MaxError
from tinify.cli.paths import Output, Source, check_distinct, choose_output, expand, split_output
from tinify.cli.scale_out import chosen_engine, engine_option, gpus_option, jobs_option, run_engine
from tinify.cli.urls import has_extension, single_file

if TYPE_CHECKING:
    from tinify.file_to_file import Written

EXTENSION = ".tnf"
_RATES = ("quality", "target_bpp", "target_psnr", "max_bytes", "max_error", "lossless")
_NOT_PORTABLE = (
    "warning: codec {!r} works in floating point: its files may not decode on another processor or version of torch; "
    "to make it exact, call tinify.quantize_entropy_path(codec) in Python and save its weights"
)
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Options:
    """How to compress: a loaded codec or None for the default, and at most one of the ways to choose a rate."""

    codec: Any
    quality: float | None
    target_bpp: float | None
    target_psnr: float | None
    force: bool
    chunk: int | None
    threads: int | None
    max_bytes: int | None = None
    max_error: tuple[float, str] | None = None
    lossless: bool = False
    tile: int | None = None

    @property
    def bound(self) -> dict[str, Any]:
        """As `tinify.compress` takes it."""
        value, of = self.max_error or (None, "absolute")
        return {"max_error": value, "max_error_of": of, "lossless": self.lossless}

    @property
    def target(self) -> dict[str, Any]:
        """What is met by trying: needs the whole signal at hand."""
        return {"target_bpp": self.target_bpp, "target_psnr": self.target_psnr, "max_bytes": self.max_bytes}


@click.command()
@click.argument("paths", nargs=-1, metavar="IN... [OUT]")
@click.option("--output", "-o", help="Output file or folder; every path is then an input.")
@click.option(
    "--codec", help="A name of `tinify models`, a codec file (my.codec) or a folder (./mine). Default: by the input."
)
@click.option("--quality", type=click.FloatRange(0, 100), help="0 to 100, more is better and larger.")
@click.option(
    "--target-bpp",
    type=click.FloatRange(0, min_open=True),
    help="At most so many bits per pixel (or per number of a series), counting the whole file.",
)
@click.option("--target-psnr", type=float, help="At least so many dB (of a series: in units of each channel's range).")
@click.option("--max-bytes", type=click.IntRange(1), help="The best file that has at most so many bytes in all.")
@click.option(
    "--max-error",
    type=MaxError(),
    help="No number of a series comes back further off than E: 0.01, or 1% of the column's range, or 0.1s (sigma); "
    "no sample of a picture: 0 to 127.",
)
@click.option("--lossless", is_flag=True, help="Every bit of a series or picture comes back.")
@click.option("--chunk", type=click.IntRange(1), help="Rows of a series that are coded together. Default: by its size.")
@click.option(
    "--tile",
    type=click.IntRange(0),
    help="Side of the tiles of a picture, each of which can be decoded alone; 0: none. Default: none up to 64 million "
    "pixels, then 1024.",
)
@click.option("--threads", type=click.IntRange(1), help="Chunks or tiles that are coded at a time. Default: 2.")
@click.option("--force", "-f", is_flag=True, help="Overwrite outputs that exist.")
@click.option("--recursive", "-r", is_flag=True, help="Look into the folders of a folder, too.")
@engine_option
@jobs_option
@gpus_option
@json_option
def compress(paths, output, force, recursive, engine, jobs, gpus, as_json, **how) -> int:
    """Compress pictures (PNG, JPEG, WebP, ...) and series (CSV, .npy, .npz) to .tnf files.

    IN is a file, a folder, a pattern or - (standard input). The last of several paths is the output when it ends in
    .tnf, is a folder, or is - (standard output). Without one, photo.png becomes photo.tnf beside it.
    A .npy, .ppm or .pgm file may be larger than the memory; a .npy of (H, W, 1 to 4) uint8,
    uint16, or float32 in [0, 1] is a picture. Pictures of 16 bits a channel come back as such.
    A file may be at a URL that fsspec knows: s3://bucket/photo.png s3://bucket/photo.tnf.

    \b
    Folders of many files, with everything below them, on all processors or many machines:
      tinify compress photos/ small/ --engine processes    a/b.png becomes small/a/b.png.tnf
      tinify compress s3://bucket/in s3://bucket/out --engine ray
    What a manifest in OUT says is done with the same settings is skipped, so the same command goes on after Ctrl-C or
    a crash; failed files are listed at the end and do not stop the others.
    """
    from tinify import api, media
    from tinify.cli.batch import run_batch
    from tinify.cli.streams import refuse_terminal

    if sum(how[name] not in (None, False) for name in _RATES) > 1:
        raise click.UsageError(
            "--quality, --target-bpp, --target-psnr, --max-bytes, --max-error, --lossless exclude each other: give one"
        )
    single = single_file(paths, output, _is_output, has_extension) if engine is jobs is None else None
    engine = None if single else chosen_engine(engine, jobs, paths, output)
    if engine is not None:
        value, of = how.pop("max_error") or (None, "absolute")
        return run_engine("compress", paths, output, engine, jobs, as_json, force,
                          {**how, "max_error": value, "max_error_of": of}, gpus)  # fmt: skip
    if single is not None:
        sources, place = single.sources, Output(stream=single.is_stream)
    else:
        inputs, output = split_output(paths, output, _is_output)
        known = {extension for media_format in media.formats() for extension in media_format.extensions}
        sources = expand(inputs, known, recursive)
        place = choose_output(output, sources, inputs)
        check_distinct([place.target(source, EXTENSION) for source in sources])
    if place.stream:
        refuse_terminal()
        if as_json:
            raise click.UsageError("--json and the compressed data cannot both go to standard output; name an output")
    if how["codec"] is not None:
        how["codec"] = api.load(how["codec"])
        if not getattr(how["codec"], "is_portable", True):
            click.echo(_NOT_PORTABLE.format(how["codec"].name), err=True)
    options = Options(force=force, **how)

    def work(source: Source, progress: Progress) -> dict[str, Any]:
        return _compress(source, place, options, progress)

    if single is not None:
        work = single.work(lambda source, place, progress: _compress(source, place, options, progress), force)
    return run_batch(sources, work, _line, verb="compress", as_json=as_json, quiet_stdout=place.stream)


def _is_output(last: str) -> bool:
    return last.lower().endswith(EXTENSION)


def _compress(source: Source, place: Output, options: Options, progress: Progress) -> dict[str, Any]:
    from tinify import api, container, media
    from tinify.cli.streams import write_data
    from tinify.file_to_file import Written
    from tinify.rate_search import count_samples

    start = time.perf_counter()
    target = place.target(source, EXTENSION)
    if target is not None:
        media.check_free(target, options.force)
    given = {"chunk": options.chunk, "tile": options.tile, "threads": options.threads, "progress": progress}
    done = _compress_long(source, target, options, given)
    if done is None:
        raw, signal = _read(source)
        data = api.compress_signal(signal, options.codec, options.quality, **options.target, **given, **options.bound)
        write_data(data, target, force=options.force)
        shape, codec = signal.samples.shape, container.inspect(data)["codec"]
        done = Written(signal.modality, codec, shape, signal.samples.dtype.name, raw, len(data))
    count = count_samples(done.modality, done.shape)
    return {
        "input": str(source),
        "output": "-" if target is None else str(target),
        "modality": done.modality,
        "codec": done.codec,
        "shape": list(done.shape),
        "input_bytes": done.input_bytes,
        "output_bytes": done.output_bytes,
        "ratio": round(done.input_bytes / done.output_bytes, 3),
        "bits_per_sample": round(8 * done.output_bytes / count, 5) if count else None,
        "seconds": round(time.perf_counter() - start, 3),
    }


def _read(source: Source) -> tuple[int, Any]:
    """(bytes of the source, its signal)."""
    from tinify import api, media
    from tinify.cli.streams import read_source
    from tinify.file_to_file import is_raw_picture

    if source.path is not None and is_raw_picture(source.path):
        return source.path.stat().st_size, api.to_signal(source.path)
    raw = read_source(source)
    return len(raw), media.read(raw, name="" if source.path is None else str(source.path))


def _compress_long(source: Source, target: Path | None, options: Options, given: dict[str, Any]) -> Written | None:
    """A long series or raw picture in pieces, from file to file; None where the whole has to be at hand."""
    from tinify.cli.streams import make_folder_of
    from tinify.file_to_file import compress_file, is_long, is_raw_picture

    if source.path is None or target is None or any(value is not None for value in options.target.values()):
        return None
    if not is_long(source.path) and not is_raw_picture(source.path):
        return None
    make_folder_of(target)
    given = {**given, **options.bound, "overwrite": options.force}
    return compress_file(source.path, target, options.codec, options.quality, **given)


def _line(result: dict[str, Any]) -> str:
    unit = "bpp" if result["modality"] == "image" else "bits/number"
    rate = "" if result["bits_per_sample"] is None else f", {result['bits_per_sample']:.3f} {unit}"
    return (
        f"{result['input']} -> {result['output']}  {result['input_bytes']:,} -> {result['output_bytes']:,} bytes "
        f"({result['ratio']:.1f}x{rate})  {result['codec']}"
    )
