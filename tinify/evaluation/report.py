# SPDX-License-Identifier: Apache-2.0
"""A whole evaluation: codecs, their points on each item and in the mean, and what made them; as JSON and back.

    {"format": "tinify-evaluation", "command", "date", "versions", "machine", "threads", "jobs", "memory", "method",
     "data": {"items": {name: {"modality", "shape", "bytes", "sha256"}}},
     "codecs": {name: {"kind", "modality", "fingerprint", ..., "points": [mean, ...], "items": {item: [point, ...]}}}}

`points` have "bpp", or "bits_per_value" of a series. The file is one of curves for `curves.read_curves`, too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from tinify.errors import ConfigError, InputError
from tinify.evaluation import jobs, memory, subjects
from tinify.evaluation.comparison import Comparison
from tinify.evaluation.curves import Curve, from_rows, mean_curve, to_rows
from tinify.evaluation.items import Item
from tinify.evaluation.provenance import command, machine, versions
from tinify.evaluation.setting import Setting
from tinify.evaluation.subjects import Named

FORMAT = "tinify-evaluation"
METHOD = (
    "bits of whole files from samples, decoded from these files; PSNR and MS-SSIM of a picture's colours, of a series "
    "PSNR with each channel's range as peak; NRMSE in each channel's deviation; means over items, of decibels too"
)


@dataclass(frozen=True)
class Run:
    """A codec over all items: `mean`, and a curve for each item; `about` says which codec. Published and older results
    have no items."""

    mean: Curve
    items: tuple[Curve, ...] = ()
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.mean.name

    @property
    def modality(self) -> str:
        return self.about.get("modality", "image")


@dataclass(frozen=True)
class Evaluation:
    """Runs over the same items, and what is to be said of all of them."""

    runs: tuple[Run, ...]
    data: dict[str, Any]
    about: dict[str, Any]


def evaluate_all(
    codecs: Sequence[Named],
    items: Sequence[Item],
    settings: tuple[Setting, ...] = (),
    *,
    workers: int = 1,
    threads: int = 1,
    estimate: bool = False,
    progress: Callable[[str, float], None] = lambda stage, share: None,
) -> Evaluation:
    """Each codec on each item at its own settings, else at `settings`, else at its usual ones.

    ConfigError for two codecs of one name or a setting that a codec lacks, InputError for an item of another modality,
    before any work.
    """
    titles = [codec.title for codec in codecs]
    twice = {title for title in titles if titles.count(title) > 1}
    if twice:
        raise ConfigError(f"two codecs are named {', '.join(sorted(twice))}; measure them one after the other")
    tasks = []
    for codec in codecs:
        subject = subjects.load(codec.name)
        chosen = codec.settings or settings or subject.settings
        if not chosen:
            raise ConfigError(f"{codec.name} has no rate to choose; measure it with --lossless")
        subjects.check(subject, list(items), chosen)
        tasks += [jobs.Task(codec.name, item, chosen, threads, estimate) for item in items]
    done = 0

    def say(task: jobs.Task) -> None:
        nonlocal done
        done += 1
        progress(f"{Path(task.codec).name} {task.item.name}", done / len(tasks))

    found = jobs.run(tasks, workers, say)
    runs = []
    for number, codec in enumerate(codecs):
        mine = found[number * len(items) : (number + 1) * len(items)]
        curves = tuple(measured.curve for measured in mine)
        about = subjects.about(codec.name, subjects.load(codec.name)) | {"resident_mb": mine[0].resident_mb}
        runs.append(Run(mean_curve(codec.title, curves), curves, about))
    data = {"items": {item.name: measured.about for item, measured in zip(items, found, strict=False)}}
    return Evaluation(tuple(runs), data, _about(workers, threads))


def _about(workers: int, threads: int) -> dict[str, Any]:
    return {
        "command": command(),
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "versions": versions(),
        "machine": machine(),
        "jobs": workers,
        "threads": threads,
        "memory": memory.METHOD,
        "method": METHOD,
    }


def to_json(evaluation: Evaluation, comparisons: Sequence[Comparison] = ()) -> str:
    """As the module says, and with comparisons "bd_rate": [{"codec", "anchor", "metric", "bd_rate_percent", ...}]."""
    codecs = {}
    for run in evaluation.runs:
        items = {curve.name: _rows(curve, run.modality) for curve in run.items}
        codecs[run.name] = {**run.about, "points": _rows(run.mean, run.modality), "items": items}
    whole = {"format": FORMAT, **evaluation.about, "data": evaluation.data, "codecs": codecs}
    if comparisons:
        whole["bd_rate"] = [_compared(one) for one in comparisons]
    return json.dumps(whole, indent=1) + "\n"


def _compared(one: Comparison) -> dict[str, Any]:
    decibels = round(one.bd_db, 3) if math.isfinite(one.bd_db) else None
    ends = [round(end, 2) for end in one.range_db]
    return asdict(one) | {"bd_rate_percent": round(one.bd_rate_percent, 2), "bd_db": decibels, "range_db": ends}


def _rows(curve: Curve, modality: str) -> list[dict[str, Any]]:
    rows = to_rows(curve)
    return rows if modality == "image" else [{"bits_per_value": row.pop("bpp"), **row} for row in rows]


def read_evaluation(path: Path) -> Evaluation:
    """From a file that `to_json` wrote, or the results.json of a picture codec of the zoo. InputError for another."""
    try:
        whole = json.loads(Path(path).read_text(encoding="utf-8"))
        if whole.get("format") == FORMAT:
            about = {key: whole[key] for key in whole if key not in ("format", "data", "codecs", "bd_rate")}
            return Evaluation(tuple(_run(name, entry) for name, entry in whole["codecs"].items()), whole["data"], about)
        if "points" in whole and "codec" in whole:
            rows = {whole["codec"]: whole["points"], **whole.get("peers", {})}
            runs = tuple(Run(from_rows(name, points), about={"modality": "image"}) for name, points in rows.items())
            return Evaluation(runs, whole.get("data", {}), {key: whole.get(key) for key in ("command", "versions")})
    except OSError as error:
        raise InputError(f"results cannot be read from {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} holds no evaluation ({type(error).__name__}: {error})") from error
    raise InputError(f"{path} holds no evaluation; `tinify evaluate ... --json {Path(path).name}` writes one")


def _run(name: str, entry: dict[str, Any]) -> Run:
    about = {key: value for key, value in entry.items() if key not in ("points", "items")}
    items = tuple(from_rows(item, rows) for item, rows in entry.get("items", {}).items())
    return Run(from_rows(name, entry["points"]), items, about)
