# SPDX-License-Identifier: Apache-2.0
"""`tinify evaluate`"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tinify.cli.listing import print_rows
from tinify.cli.max_error import MaxError
from tinify.cli.several import Several

if TYPE_CHECKING:
    from tinify.evaluation.items import Item
    from tinify.evaluation.report import Evaluation, Run
    from tinify.evaluation.setting import Setting

data_option = click.option(
    "--data", multiple=True, metavar="DIR", help="Folder, file or pattern ('photos/*.png') to measure on; repeatable."
)
split_option = click.option("--split", help="Of a folder of series with index.json: test, val, ... of each set.")
limit_option = click.option("--limit", type=click.IntRange(1), help="Only the first N files.")
recursive_option = click.option("--recursive", "-r", is_flag=True, help="Look into the folders of a folder, too.")
jobs_option = click.option(
    "--jobs", type=click.IntRange(1), default=1, show_default=True,
    help="Processes at a time. The numbers are the same; times are those of a busy machine.",
)  # fmt: skip
threads_option = click.option(
    "--threads", type=click.IntRange(1), default=1, show_default=True, help="Threads of each process."
)
quality_option = click.option(
    "--quality", type=click.FloatRange(0, 100), multiple=True, metavar="Q...", help="Qualities to measure at."
)
max_error_option = click.option(
    "--max-error", type=MaxError(), multiple=True, metavar="E...",
    help="Error bounds to measure at: 0.01, 1% (of each channel's range), 0.1s (sigma).",
)  # fmt: skip
lossless_option = click.option("--lossless", is_flag=True, help="Measure without loss.")


@click.command(cls=Several, several=("--quality", "--max-error", "--data"))
@click.argument("codecs", nargs=-1, required=True, metavar="CODEC...")
@data_option
@quality_option
@max_error_option
@lossless_option
@split_option
@limit_option
@recursive_option
@jobs_option
@threads_option
@click.option("--estimate", is_flag=True, help="Also what the entropy model expects, where the codec can tell.")
@click.option("--per-item", is_flag=True, help="A line for every file, not only the means.")
@click.option("--json", "output", metavar="FILE", help="Write everything, every file's numbers too; - for stdout.")
def evaluate(codecs, output, per_item, estimate, **how) -> None:
    """Measure codecs on your files: size, distortion, seconds, memory.

    CODEC is a name of `tinify models`, a folder, a codec file, or a peer: jpeg, webp, jpeg2000, avif, png, jpegxl,
    htj2k, x265 for pictures; sz3, zfp, pcodec for series (pip install "tinify-codec[peers]"). Every number is from a
    whole file, written, read and decoded again.

    \b
      tinify evaluate photo-fast jpeg --data photos
      tinify evaluate photo-fast --data photos --quality 10 30 50 --jobs 2
      tinify evaluate photo-fast@10,30,50 jpeg@20,75 --data 'photos/*.png' --json out.json
      tinify evaluate photo-best png webp --lossless --data photos
      tinify evaluate series-mixing sz3 pcodec --max-error 1% 0.1% --data log.csv
      tinify evaluate series-mixing --data sets --split test

    Columns: bpp, bits per pixel (of a series: bits/value); PSNR, of a series with each channel's range as peak; NRMSE
    in each channel's deviations; max err, of any sample; seconds a file, with the codec in memory; MB, by how much the
    memory of the process rose meanwhile. `tinify compare` draws the curves.
    """
    evaluation = measure(list(codecs), estimate=estimate, **how)
    if output:
        write_json(evaluation, output)
    if output != "-":
        show(evaluation, per_item)


def measure(codecs: list[str], estimate: bool = False, **how: Any) -> Evaluation:
    """As the options say."""
    from tinify.cli.progress import stages
    from tinify.evaluation.report import evaluate_all
    from tinify.evaluation.subjects import parse

    items = items_of(how["data"], how["split"], how["limit"], how["recursive"])
    settings = settings_of(how["quality"], how["max_error"], how["lossless"])
    with stages("evaluate") as say:
        return evaluate_all([parse(codec) for codec in codecs], items, settings, workers=how["jobs"],
                            threads=how["threads"], estimate=estimate, progress=say)  # fmt: skip


def items_of(data: tuple[str, ...], split: str | None, limit: int | None, recursive: bool) -> list[Item]:
    """InputError, with the next step, when there is nothing."""
    from tinify import media
    from tinify.cli.paths import expand
    from tinify.evaluation.items import find_items

    if not data:
        raise click.UsageError("say what to measure on: --data DIR, a folder of pictures or series")
    if split is not None:
        return find_items([Path(one) for one in data], split, limit)
    extensions = {extension for kind in media.formats() for extension in kind.extensions}
    sources = [source.path or Path("-") for source in expand(list(data), extensions, recursive)]
    return find_items(sources, limit=limit)


def settings_of(quality: tuple[float, ...], max_error: tuple, lossless: bool) -> tuple[Setting, ...]:
    """UsageError when more than one kind is given."""
    from tinify.evaluation.setting import LOSSLESS, Bound

    if (len(quality) > 0) + (len(max_error) > 0) + lossless > 1:
        raise click.UsageError("--quality, --max-error and --lossless exclude each other: give one")
    if lossless:
        return (LOSSLESS,)
    return tuple(dict.fromkeys([*map(float, quality), *(Bound(value, of) for value, of in max_error)]))


def write_json(evaluation: Evaluation, output: str) -> None:
    """To a file, in one step, or to standard output."""
    from tinify import media
    from tinify.evaluation.report import to_json

    if output == "-":
        click.echo(to_json(evaluation), nl=False)
        return
    media.write_whole(Path(output), lambda file: file.write(to_json(evaluation).encode()), overwrite=True)


def show(evaluation: Evaluation, per_item: bool = False) -> None:
    """Tables for a person."""
    rows = [row for run in evaluation.runs for row in _rows(run, per_item)]
    columns = [column for column in rows[0] if any(row[column] for row in rows)]
    print_rows(rows, columns, as_json=False)
    count = len(evaluation.data["items"])
    click.echo(f"\nmeans of {count} {'files' if count > 1 else 'file'}" if not per_item else "")
    costs = [_costs(run) for run in evaluation.runs if run.about.get("kind") == "tinify"]
    if costs:
        print_rows(costs, list(costs[0]), as_json=False)


def _rows(run: Run, per_item: bool) -> list[dict[str, str]]:
    curves = [*run.items, run.mean] if per_item else [run.mean]
    rate = "bpp" if run.modality == "image" else "bits/value"
    return [
        {
            "codec": run.name,
            "file": (curve.name if curve is not run.mean else "mean") if per_item else "",
            "setting": point.setting,
            rate: f"{point.bpp:.4f}",
            "est.": _number(point.estimated_bpp, ".4f"),
            "PSNR": _number(point.psnr_rgb if run.modality == "image" else point.psnr, ".2f", "lossless"),
            "MS-SSIM": _number(point.ms_ssim, ".5f"),
            "NRMSE": _number(point.nrmse, ".4g"),
            "max err": _number(point.max_error, ".4g"),
            "enc s": _number(point.encode_s, ".3f"),
            "dec s": _number(point.decode_s, ".3f"),
            "enc MB": _number(point.encode_mb, ".0f"),
            "dec MB": _number(point.decode_mb, ".0f"),
        }
        for curve in curves
        for point in curve.points
    ]


def _number(value: float | None, form: str, infinite: str = "inf") -> str:
    return "" if value is None else infinite if math.isinf(value) else format(value, form)


def _costs(run: Run) -> dict[str, str]:
    about = run.about
    macs = about.get("macs_per_sample")
    return {
        "codec": run.name,
        "parameters of networks": f"{about['parameters']:,}",
        "all weights": f"{about['weights_bytes'] / 1e6:.2f} MB",
        f"MACs per {'pixel' if run.modality == 'image' else 'value'}": "unknown" if macs is None else f"{macs:,.0f}",
        "weights": about["fingerprint"],
    }
