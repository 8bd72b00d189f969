# SPDX-License-Identifier: Apache-2.0
"""The curves of the zoo's picture codecs beside their peers, as measured: from results.json of each, into docs/studies.

python benchmarks/photo_figure.py
"""

import json
from pathlib import Path

from tinify.evaluation.curves import Curve, Point
from tinify.evaluation.plots import plot_curves

REPOSITORY = Path(__file__).resolve().parents[1]
CODECS = ("photo-best", "photo-fast")
FIELDS = ("bpp", "psnr_rgb", "ms_ssim")


def curve(name: str, rows: list[dict]) -> Curve:
    return Curve(name, tuple(Point(**{field: row.get(field) for field in FIELDS}) for row in rows))


def main() -> None:
    results = {name: json.loads((REPOSITORY / "zoo" / name / "results.json").read_text("utf-8")) for name in CODECS}
    ours = [curve(name, found["points"]) for name, found in results.items()]
    peers = [curve(name, rows) for name, rows in results[CODECS[0]]["peers"].items()]
    for metric in ("psnr_rgb", "ms_ssim_db"):
        target = REPOSITORY / "docs" / "studies" / f"photos-{metric}.png"
        plot_curves(target, ours, peers, metric, "24 Kodak pictures, whole files")
        print(target.relative_to(REPOSITORY))


if __name__ == "__main__":
    main()
