# SPDX-License-Identifier: Apache-2.0
"""Rate-distortion of series codecs on test splits of real sets, from real files, beside SZ3, pcodec and a trained DCT.

    python benchmarks/series_curves.py                                   # the zoo's series codecs
    python benchmarks/series_curves.py --codecs series-mixing --sets ettm1 imu_broad --qualities 20 50 80

Bits per value: bytes of the whole .tnf files (headers, scales, all) * 8 / values. NRMSE: root of the mean squared
error in units of each channel's deviation on the train split. The peers in classical_rd.json were given values in these
units, so the codecs are, too (with `--own-scale` they take the deviations of the file itself, what one gets who
says nothing). Each recording of a set is a file. Between measured points logarithms are interpolated; beyond its
coarsest point a curve counts with that point's bits; "-" is where it is not fine enough. Sets: TINIFY_DATA/timeseries.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import numpy as np
import torch

import tinify
from tinify.data.series import SeriesSet, read_series_sets
from tinify.evaluation.provenance import command, versions
from tinify.evaluation.series_curves import (
    at_targets,
    curve_of,
    geometric_mean,
    measure,
    peers_at_targets,
    rounded,
)

REPOSITORY = Path(__file__).resolve().parents[1]
CODECS = ("series-mixing", "tokenizer")
TARGETS = (0.01, 0.03, 0.1, 0.3)
QUALITIES = tuple(float(q) for q in np.linspace(0, 100, 13))


def study(codec, sets: list[SeriesSet], classical: dict, qualities, own_scale: bool) -> dict:
    """Curves of every set, bits at TARGETS, and how they stand to the best peer."""
    results = {}
    for series in sets:
        points = [measure(codec, series, quality, own_scale) for quality in qualities]
        mine = at_targets(curve_of(points), TARGETS)
        peers = peers_at_targets(classical[series.name], TARGETS)
        best = [min(peer[i] for peer in peers.values() if peer[i] is not None) for i in range(len(TARGETS))]
        ratio = [None if m is None else m / b for m, b in zip(mine, best, strict=True)]
        results[series.name] = {"bits_per_value": mine, "peers": peers, "to_best_peer": ratio, "points": points}
    return results


def geometric_means(results: dict) -> list[float | None]:
    """Of the ratios to the best peer, over all sets; None where a set's curve does not reach."""
    columns = zip(*(entry["to_best_peer"] for entry in results.values()), strict=True)
    return [geometric_mean(column) for column in columns]


def print_table(name: str, results: dict, means: list[float | None]) -> None:
    def numbers(row, digits=3):
        return " ".join("     -" if value is None else f"{value:6.{digits}f}" for value in row)

    print(f"\n{name}: bits per value at NRMSE {', '.join(map(str, TARGETS))}")
    for series, entry in results.items():
        ratios = numbers(entry["to_best_peer"], 2)
        print(f"{series:16s} {name:14s} {numbers(entry['bits_per_value'])}   to best peer {ratios}")
        for peer, row in entry["peers"].items():
            print(f"{'':16s} {peer:14s} {numbers(row)}")
        speed = np.median([[p["encode_mb_s"], p["decode_mb_s"]] for p in entry["points"]], axis=0)
        print(f"{'':16s} {speed[0]:.1f} MB/s in, {speed[1]:.1f} MB/s out")
    print(f"{'geometric mean':16s} to best peer {numbers(means, 2)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--codecs", nargs="+", default=CODECS, help="zoo names or zoo folders")
    parser.add_argument("--sets", nargs="+", default=None)
    parser.add_argument("--qualities", nargs="+", type=float, default=QUALITIES)
    parser.add_argument("--own-scale", action="store_true", help="the file's own deviations, not the train split's")
    parser.add_argument("--output", type=Path, default=None, help="folder for <codec>.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder = Path(os.environ.get("TINIFY_DATA", REPOSITORY.parent / "shared" / "data")) / "timeseries"
    sets = read_series_sets(folder, "test", options.sets)
    classical = json.loads((folder / "classical_rd.json").read_text("utf-8"))["sets"]
    for name in options.codecs:
        results = study(tinify.load(name), sets, classical, options.qualities, options.own_scale)
        means = geometric_means(results)
        print_table(Path(name).name, results, means)
        if options.output:
            options.output.mkdir(parents=True, exist_ok=True)
            about = {"command": command(), "versions": versions(), "nrmse_targets": TARGETS}
            whole = {**about, "own_scale": options.own_scale, "to_best_peer_geometric_mean": means, "sets": results}
            (options.output / f"{Path(name).name}.json").write_text(json.dumps(rounded(whole), indent=1), "utf-8")


if __name__ == "__main__":
    main()
