# SPDX-License-Identifier: Apache-2.0
"""Runs a study and writes its document, figures and record.

    python -m tinify.evaluation.study studies/series.toml --data DIR --output docs/studies --name tokenizer-vs-tcrae

Results that are in the folder of runs already are used as they are; `--write-only` trains and measures nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from tinify.evaluation.provenance import versions
from tinify.evaluation.series_curves import rounded
from tinify.evaluation.study import document, figures
from tinify.evaluation.study.config import Study, read_study
from tinify.evaluation.study.jobs import run_all
from tinify.evaluation.study.results import View, collect

_DATA = Path(os.environ.get("TINIFY_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))


def machine() -> str:
    """The processor's name and how many of it there are."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = "unknown processor"
    return f"{name}, {os.cpu_count()} threads"


def publish(study: Study, data: Path, runs: Path, output: Path, name: str, source: str) -> dict[str, Any]:
    """Writes NAME.json, NAME.md and the figures; gives the record, read back from its rounded form."""
    about = {"machine": machine(), "versions": {k: v for k, v in versions().items() if k in _VERSIONS}}
    record = json.loads(json.dumps(rounded(collect(study, data, runs, about))))
    output.mkdir(parents=True, exist_ok=True)
    (output / f"{name}.json").write_text(json.dumps(record) + "\n", "utf-8")
    (output / f"{name}.md").write_text(document.write(record, name, source), "utf-8")
    figures.plot_curves(output / f"{name}-curves.png", View(record))
    figures.plot_speed(output / f"{name}-speed.png", View(record))
    return record


_VERSIONS = ("python", "torch", "numpy", "tinify-codec")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("--data", type=Path, default=_DATA, help="folder that the study's folder lies in")
    parser.add_argument("--runs", type=Path, default=Path("runs/study"))
    parser.add_argument("--output", type=Path, default=Path("docs/studies"))
    parser.add_argument("--name", default="study")
    parser.add_argument("--only", nargs="+", default=(), metavar="CODEC")
    parser.add_argument("--workers", type=int, default=2, help="processes of one thread; 0 for none of their own")
    parser.add_argument("--write-only", action="store_true")
    options = parser.parse_args()
    study = read_study(options.study)
    failures = []
    if not options.write_only:
        failures = run_all(study, options.data, options.runs, workers=options.workers, only=options.only)
    publish(study, options.data, options.runs, options.output, options.name, str(options.study))
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
