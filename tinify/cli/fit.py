# SPDX-License-Identifier: Apache-2.0
"""`tinify fit`"""

from __future__ import annotations

import json
import math
import os
import shlex
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tinify.cli.listing import json_option, print_rows
from tinify.cli.paths import Source, expand
from tinify.cli.progress import Progress, stages

if TYPE_CHECKING:
    from tinify.training.break_even import Point

GENERAL = "series-mixing"
EXTENSIONS = {".csv", ".tsv", ".npy", ".npz"}
_MOST_NAMED = 1000


@dataclass(frozen=True)
class Recording:
    """A series in a file, read in rows where it is long, and what its channels are called, where that is known."""

    name: str
    samples: Any
    names: list[str]


@dataclass(frozen=True)
class Made:
    """The codec file, what it gains, whether it is whole, and size and gain of the other kind."""

    data: bytes
    points: list[Point]
    whole: bool
    other_size: int
    other: Point


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="DATA...")
@click.option("--output", "-o", required=True, help="The codec file to write; its name ends in .codec.")
@click.option(
    "--epochs", type=click.IntRange(1), default=4, show_default=True, help="Passes over the data with --whole."
)
@click.option(
    "--minutes",
    type=click.FloatRange(0, min_open=True),
    default=3.0,
    show_default=True,
    help="Fewer passes where they would take longer.",
)
@click.option(
    "--start",
    type=click.Choice(["general", "none"]),
    default="general",
    show_default=True,
    help="What it goes on from: the general codec, or nothing, which is for much data and implies --whole.",
)
@click.option("--whole", is_flag=True, help="Keep all that the coder learned, some megabytes; see below.")
@click.option("--force", "-f", is_flag=True, help="Overwrite an output that exists.")
@click.option("--recursive", "-r", is_flag=True, help="Look into the folders of a folder, too.")
@json_option
def fit(paths, output, epochs, minutes, start, whole, force, recursive, as_json) -> None:
    """Make a codec for your own series: one codec file that --codec takes.

    DATA are series files (CSV, .npy, .npz), folders or patterns, all with the same channels in the same order, past
    recordings of what you want to compress. The last tenth of each is not learned from: it shows what the codec gains.

    \b
      tinify fit 2025/*.csv -o pump.codec
      tinify compress today.csv --codec pump.codec
      tinify decompress today.tnf --codec pump.codec

    Keep the codec file as long as you keep .tnf files made with it: without it they cannot be read.

    The codec file is paid for after a while, its break-even length, by what it saves against the general codec:

    \b
      rows = 8 x bytes of the codec file / (bits saved per number x channels)

    It holds offsets, scales, rotation and predictions of the channels, some kilobytes; what the coder knows of numbers
    it takes from the general codec, so that a tinify with the same general codec is needed. With --whole it holds that,
    too, as learned from your data, and stands alone: smaller files, and a later break-even.
    """
    from tinify import codec_file, media

    target = Path(output)
    if not codec_file.is_named(target):
        raise click.UsageError(
            f"--output is {output!r}; the name of a codec file ends in {codec_file.EXTENSION}, as pump.codec"
        )
    media.check_free(target, force)
    _check_writable(target)
    since = time.perf_counter()
    whole = whole or start == "none"
    options = {"epochs": epochs, "minutes": minutes, "start": start, "whole": whole}
    with stages("fit") as say:
        say("read", 0.0)
        recordings = [_read(source) for source in expand(list(paths), EXTENSIONS, recursive)]
        _check_alike(recordings)
        made = _make(recordings, target, options, _card(recordings, paths, output, options), say)
    _make_folder(target)
    media.write_whole(target, lambda file: file.write(made.data), overwrite=force)
    _show(_report(made, target, recordings, time.perf_counter() - since), as_json)


def _read(source: Source) -> Recording:
    from tinify import media
    from tinify.errors import InputError
    from tinify.media.csv import channel_names

    signal = None if source.path is None else media.open_rows(source.path)
    if signal is None:
        signal = media.read(sys.stdin.buffer if source.path is None else source.path)
    if signal.modality != "series":
        raise InputError(f"{source}: this is no series but {signal.modality}; fit takes CSV, .npy and .npz files")
    return Recording(source.inner.name, signal.samples, channel_names(signal))


def _check_alike(recordings: list[Recording]) -> None:
    """InputError unless all have the same channels, by number and, where they are named, by name."""
    from tinify.errors import InputError

    first = recordings[0]
    for other in recordings[1:]:
        counts = [recording.samples.shape[1] for recording in (first, other)]
        if counts[0] != counts[1]:
            raise InputError(
                f"{first.name} has {counts[0]} channels and {other.name} {counts[1]}; fit one codec to each"
            )
        for number, (own, theirs) in enumerate(zip(first.names, other.names, strict=False), 1):
            if own != theirs:
                raise InputError(
                    f"channel {number} is {own!r} in {first.name} and {theirs!r} in {other.name}; a codec is for the "
                    "same channels in the same order"
                )


def _make(
    recordings: list[Recording], target: Path, options: dict[str, Any], card: dict[str, Any], say: Progress
) -> Made:
    from tinify import api, codec_file
    from tinify.training.break_even import QUALITIES, compare
    from tinify.training.fit import FitOptions, fit, split, table_for, with_state_of

    general = api.load(GENERAL)
    learned, held_out = split([recording.samples for recording in recordings])
    own = fit(
        learned,
        FitOptions(options["epochs"] if options["whole"] else 1, options["minutes"]),
        start=general if options["start"] == "general" else None,
        progress=lambda stage, share: say(stage, 0.02 + 0.58 * share),
    )
    lean = with_state_of(general, own)
    own.name = lean.name = codec_file.recorded_name(target)
    table = table_for(own.fitted.channels, own.blocks)
    kept, other = (own, lean) if options["whole"] else (lean, own)
    points = compare(kept, general, held_out, progress=lambda stage, share: say(stage, 0.6 + 0.3 * share))
    card["held_out"] = [asdict(point) for point in points]
    say("held-out rows", 0.9)
    middle = compare(other, general, held_out, QUALITIES[1:2])[0]
    data, rest = (codec_file.pack(c, table, card, GENERAL if c is lean else "") for c in (kept, other))
    say("done", 1.0)
    return Made(data, points, options["whole"], len(rest), middle)


def _card(recordings: list[Recording], paths: tuple[str, ...], output: str, options: dict[str, Any]) -> dict[str, Any]:
    from datetime import datetime, timezone

    from tinify import __version__

    flags = [f"--{name}={value}" for name, value in options.items() if name != "whole"]
    flags += ["--whole"] if options["whole"] else []
    return {
        "made": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "tinify": __version__,
        "command": shlex.join(["tinify", "fit", *paths, "-o", output, *flags]),
        "files": {recording.name: len(recording.samples) for recording in recordings[:_MOST_NAMED]},
        "rows": sum(len(recording.samples) for recording in recordings),
        "channels": int(recordings[0].samples.shape[1]),
        "names": recordings[0].names,
    }


def _report(made: Made, target: Path, recordings: list[Recording], seconds: float) -> dict[str, Any]:
    channels = recordings[0].samples.shape[1]
    other = {"whole": not made.whole, "bytes": made.other_size, **_row(made.other, made.other_size, channels)}
    return {
        "output": str(target),
        "bytes": len(made.data),
        "rows": sum(len(recording.samples) for recording in recordings),
        "channels": int(channels),
        "seconds": round(seconds, 1),
        "whole": made.whole,
        "held_out": [_row(point, len(made.data), channels) for point in made.points],
        "other": other,
    }


def _row(point: Point, size: int, channels: int) -> dict[str, Any]:
    rows = point.rows(size, channels)
    return {
        "quality": point.quality,
        "nrmse": round(point.nrmse, 5),
        "general": round(point.general, 4),
        "fitted": round(point.fitted, 4),
        "saved_percent": round(100 * (1 - point.fitted / point.general), 2),
        "break_even_rows": None if math.isinf(rows) else int(rows),
        "break_even_mb": None if math.isinf(rows) else round(rows * channels * 4 / 1e6, 3),
    }


def _show(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(report, indent=2))
        return
    click.echo(
        f"{report['output']}: {report['bytes']:,} bytes, fitted to {report['rows']:,} rows of {report['channels']} "
        f"channels in {report['seconds']:.0f} s"
    )
    click.echo("On rows held out, bits per number at equal error (NRMSE, in the channels' deviations):\n")
    columns = ["quality", "nrmse", "general", "fitted", "saved", "paid for after"]
    rows = [
        {
            "quality": f"{row['quality']:.0f}",
            "nrmse": f"{row['nrmse']:.4f}",
            "general": f"{row['general']:.3f}",
            "fitted": f"{row['fitted']:.3f}",
            "saved": f"{row['saved_percent']:.1f} %",
            "paid for after": _length(row),
        }
        for row in report["held_out"]
    ]
    print_rows(rows, columns, as_json=False)
    other = report["other"]
    click.echo(
        f"\n{'With --whole and one pass' if other['whole'] else 'Without --whole'}: {other['bytes']:,} bytes, saves "
        f"{other['saved_percent']:.1f} % at quality {other['quality']:.0f}, paid for after {_length(other)}"
    )


def _length(row: dict[str, Any]) -> str:
    if row["break_even_rows"] is None:
        return "never: it saves nothing"
    return f"{row['break_even_rows']:,} rows ({row['break_even_mb']:,.1f} MB of float32)"


def _check_writable(target: Path) -> None:
    """InputError now rather than after minutes of work."""
    from tinify.errors import InputError

    folder = next(parent for parent in target.resolve().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise InputError(f"cannot write to {folder}")


def _make_folder(target: Path) -> None:
    from tinify.cli.streams import make_folder_of

    make_folder_of(target)
