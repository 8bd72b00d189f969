# SPDX-License-Identifier: Apache-2.0
"""`tinify compare`"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tinify.cli import evaluate as options
from tinify.cli.listing import print_rows
from tinify.cli.several import Several

if TYPE_CHECKING:
    from tinify.evaluation.comparison import Comparison
    from tinify.evaluation.crops import Crops
    from tinify.evaluation.report import Evaluation, Run

METRICS = {"psnr": "psnr_rgb", "ms-ssim": "ms_ssim_db", "nrmse": "nrmse_db"}


@click.command(cls=Several, several=("--quality", "--max-error", "--data", "--published"))
@click.argument("codecs", nargs=-1, required=True, metavar="RESULT.json|CODEC|PEER...")
@click.option("--anchor", help="What the others are compared with. Default: jpeg or sz3 if there, else the first.")
@click.option("--published", multiple=True, metavar="NAME|FILE.json...",
              help="Published curves: a name or pattern ('vtm', 'mbt2018*mse*'), or a file of such.")  # fmt: skip
@click.option("--plot", metavar="FILE", help="Write the curves as .png or .svg (pip install 'tinify-codec[plot]').")
@click.option("--metric", type=click.Choice(list(METRICS)), help="Of --plot. Default: the first that is there.")
@click.option(
    "--html", metavar="FILE", help="Write one page with curves to point at, tables and crops; needs no network."
)
@click.option("--crops", metavar="PICTURE", help="The same window from every codec, at the size that --at-bpp says.")
@click.option("--at-bpp", type=click.FloatRange(0, min_open=True), default=0.3, show_default=True,
              help="Bits per pixel of every codec's file of PICTURE, within 1 %.")  # fmt: skip
@click.option("--crops-to", metavar="FILE", help="Where the crops go. Default: PICTURE's name with -crops.png.")
@options.data_option
@options.quality_option
@options.max_error_option
@options.split_option
@options.limit_option
@options.recursive_option
@options.jobs_option
@options.threads_option
@click.option("--json", "output", metavar="FILE", help="Write measured and stored results with the BD-rates.")
def compare(codecs, **how) -> None:
    """Compare codecs with one another, with the usual peers and with published curves.

    RESULT.json is what `tinify evaluate --json` wrote. A CODEC or PEER is measured on --data; without --data a codec of
    the zoo stands for its stored results, and so do the peers in them.

    \b
      tinify compare photo-fast photo-best jpeg avif --published vtm
      tinify compare out.json --anchor jpeg --html curves.html
      tinify compare photo-fast jpeg webp avif jpegxl --data photos --plot curves.png
      tinify compare mine.codec series-mixing sz3 zfp pcodec --data log.csv --anchor sz3
      tinify compare photo-fast jpeg avif --crops photo.png --at-bpp 0.3

    BD-rate: mean difference of bits at equal quality, in percent; below zero: fewer bits than the anchor. BD dB: mean
    difference of quality at equal bits. PCHIP of the logarithm of the rate, over the range that both reach: file by
    file where both were measured on the same files, then the mean; else of the mean curves.
    """
    crops = _crops(codecs, how) if how["crops"] else None
    if crops and not how["data"] and not any(how[name] for name in ("html", "plot", "output")):
        return
    evaluation = _gather(list(codecs), how)
    runs = [*evaluation.runs, *_published(how["published"])]
    anchor = _anchor(runs, how["anchor"])
    comparisons = _compared(anchor, runs)
    _show(anchor, comparisons)
    _write(evaluation, runs, anchor, comparisons, crops, how)


def _gather(words: list[str], how: dict[str, Any]) -> Evaluation:
    """Stored results and fresh ones, in the order of the words."""
    from tinify.evaluation.report import Evaluation, read_evaluation

    found: dict[str, Run] = {}
    about: dict[str, Any] = {}
    data: dict[str, Any] = {}
    stored = [read_evaluation(Path(word)) for word in words if word.endswith(".json")]
    named = [word for word in words if not word.endswith(".json")]
    fresh = [_measured(named, how)] if named and how["data"] else _from_zoo(named, stored)
    for evaluation in [*fresh, *stored]:
        about, data = about or evaluation.about, data or evaluation.data
        for run in evaluation.runs:
            found.setdefault(run.name, run)
    return Evaluation(tuple(_in_order(words, found)), data, about)


def _in_order(words: list[str], found: dict[str, Run]) -> list[Run]:
    from tinify.evaluation.subjects import ALIASES, parse

    titles = [parse(word).title for word in words if not word.endswith(".json")]
    first = [found[name] for title in titles for name in {title: 0, ALIASES.get(title): 0} if name in found]
    return first + [run for run in found.values() if run not in first]


def _measured(named: list[str], how: dict[str, Any]) -> Evaluation:
    names = ("data", "quality", "max_error", "split", "limit", "recursive", "jobs", "threads")
    return options.measure(named, lossless=False, **{name: how[name] for name in names})


def _from_zoo(named: list[str], stored: list[Evaluation]) -> list[Evaluation]:
    """Stored results of zoo codecs; peers among them, or in the files that were named, are taken from there."""
    from tinify import zoo
    from tinify.errors import InputError
    from tinify.evaluation.report import Evaluation, read_evaluation
    from tinify.evaluation.subjects import ALIASES

    results = {}
    for name in named:
        if name in zoo.names() and (zoo.find(name).folder / "results.json").is_file():
            results[name] = read_evaluation(zoo.find(name).folder / "results.json")
    known = {run.name: run for evaluation in [*results.values(), *stored] for run in evaluation.runs}
    chosen = [ALIASES.get(name, name) for name in named]
    missing = [name for name in chosen if name not in known]
    if missing:
        raise InputError(
            f"there are no stored results of {', '.join(missing)}; measure on your files: --data DIR, or give the JSON "
            "that `tinify evaluate --json` wrote"
        )
    about = next((evaluation.about for evaluation in results.values()), {})
    data = next((evaluation.data for evaluation in results.values()), {})
    return [Evaluation(tuple(known[name] for name in chosen), data, about)]


def _published(words: tuple[str, ...]) -> list[Run]:
    from tinify.evaluation.published import find_published

    return find_published(words) if words else []


def _anchor(runs: list[Run], name: str | None) -> Run:
    from tinify.errors import ConfigError

    by_name = {run.name.removeprefix("published "): run for run in runs[::-1]} | {run.name: run for run in runs}
    if name is None:
        name = next((one for one in ("jpeg", "sz3") if one in by_name), runs[0].name)
    if name not in by_name:
        raise ConfigError(f"--anchor {name!r} is not among what is compared: {', '.join(run.name for run in runs)}")
    return by_name[name]


def _compared(anchor: Run, runs: list[Run]) -> list[Comparison]:
    from tinify.evaluation.comparison import compare_to

    return compare_to(anchor, [run for run in runs if run is not anchor])


def _show(anchor: Run, comparisons: list[Comparison]) -> None:
    if not comparisons:
        click.echo(f"nothing shares a range with {anchor.name}; two settings of each are needed at least", err=True)
        return
    click.echo(f"against {anchor.name} (below zero: fewer bits)\n")
    rows = [
        {
            "codec": one.codec,
            "quality": {value: key for key, value in METRICS.items()}.get(one.metric, one.metric),
            "BD-rate": f"{one.bd_rate_percent:+.1f} %",
            "BD dB": "" if math.isnan(one.bd_db) else f"{one.bd_db:+.2f}",
            "range": f"{one.range_db[0]:.1f} to {one.range_db[1]:.1f} dB",
            "over": one.over,
        }
        for one in comparisons
    ]
    print_rows(rows, list(rows[0]), as_json=False)


def _write(
    evaluation: Evaluation,
    runs: list[Run],
    anchor: Run,
    comparisons: list[Comparison],
    crops: Crops | None,
    how: dict[str, Any],
) -> None:
    from tinify.evaluation.report import to_json

    if how["output"]:
        _save(how["output"], lambda: to_json(evaluation, comparisons).encode())
    if how["plot"]:
        _plot(runs, how)
        click.echo(f"curves: {how['plot']}", err=True)
    if how["html"]:
        from tinify.evaluation.page import render

        _save(how["html"], lambda: render(runs, anchor, comparisons, evaluation.about, crops).encode())
        click.echo(f"page: {how['html']}", err=True)


def _plot(runs: list[Run], how: dict[str, Any]) -> None:
    from tinify.cli.streams import make_folder_of
    from tinify.evaluation.plots import plot_curves

    metric = METRICS[how["metric"]] if how["metric"] else next(iter(runs[0].mean.metrics), "psnr_rgb")
    shown = [run for run in runs if run.mean.values(metric)[0]]
    ours = [run.mean for run in shown if run.about.get("kind") != "published"]
    others = [run.mean for run in shown if run.about.get("kind") == "published"]
    rate = "bits per pixel" if runs[0].modality == "image" else "bits per number"
    make_folder_of(Path(how["plot"]))
    plot_curves(how["plot"], ours, others, metric, rate=rate)


def _crops(codecs: tuple[str, ...], how: dict[str, Any]) -> Crops:
    from tinify import api
    from tinify.cli.progress import stages
    from tinify.evaluation.crops import draw, make_crops
    from tinify.evaluation.subjects import parse

    named = [parse(word) for word in codecs if not word.endswith(".json")]
    if not named:
        raise click.UsageError("--crops needs codecs or peers to decode, not only stored results")
    picture = api.to_signal(how["crops"]).samples
    with stages("crops") as say:
        crops = make_crops(Path(how["crops"]).name, picture, named, how["at_bpp"], say)
    target = how["crops_to"] or f"{Path(how['crops']).stem}-crops.png"
    _save(target, lambda: draw(crops))
    for crop in crops.crops[1:]:
        click.echo(f"{crop.name}: {crop.caption}{' (no setting within 1 %)' if crop.name in crops.off else ''}")
    click.echo(f"crops: {target}", err=True)
    return crops


def _save(target: str, content: Callable[[], bytes]) -> None:
    from tinify import media
    from tinify.cli.streams import make_folder_of

    data = content()
    make_folder_of(Path(target))
    media.write_whole(Path(target), lambda file: file.write(data), overwrite=True)
