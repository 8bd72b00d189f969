# SPDX-License-Identifier: Apache-2.0
"""Bits of series codecs within an error bound on test splits of real sets, from real files, beside SZ3, zfp and pcodec.

    python benchmarks/series_error_bound.py                      # series-mixing as it is in the zoo, each bound
    python benchmarks/series_error_bound.py --fitted             # fitted to the train split of each set, too
    python benchmarks/series_error_bound.py --sets ettm1 imu_broad --bounds 0.01 --output runs/bounds

Bits per value: bytes of the whole .tnf files (headers, grids, bases, all) * 8 / values; each recording of a set is a
file. The bound is a share of each channel's range over the whole set, as for the peers in timeseries_error_bounded.json
(SZ3, zfp, and quantization followed by pcodec; each channel alone, of their bytes all). Every file is read back, and
a value that is further off than the bound ends the run. Seconds are those of the process on one thread. What training
learned is not counted (`--fitted`: the size of the codec file is given). Sets: TINIFY_DATA/timeseries.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np
import torch

import tinify
from tinify import container
from tinify.data.series import SeriesSet, read_series_sets
from tinify.evaluation.provenance import command, versions
from tinify.evaluation.series_curves import geometric_mean, rounded
from tinify.models.series.error_bound import ErrorBound
from tinify.signal import Signal
from tinify.training.fit import FitOptions, fit

REPOSITORY = Path(__file__).resolve().parents[1]
PEERS = ("sz3", "zfp", "quant+pco")
BOUNDS = (0.01, 0.001)


def measure(codec, series: SeriesSet, eps: np.ndarray) -> dict:
    """All recordings of a set, each a file, within eps (C,)."""
    size = values = encoded = 0
    seconds = np.zeros(2)
    nearest = 0.0
    for piece in series.pieces:
        x = piece.astype(np.float32)
        start = time.process_time()
        data = container.pack(codec.pack(Signal("series", x), max_error=ErrorBound(eps), threads=1))
        middle = time.process_time()
        y = codec.unpack(container.unpack(data), threads=1).samples
        seconds += middle - start, time.process_time() - middle
        off = np.abs(y.astype(np.float64) - x)
        if not (off <= eps).all():
            raise SystemExit(f"{series.name}: a value is off by more than its bound")
        size, values, encoded = size + x.nbytes, values + x.size, encoded + len(data)
        nearest = max(nearest, float((off / np.where(eps > 0, eps, 1)).max()))
    speed = size / np.maximum(seconds, 1e-9) / 1e6
    return {
        "bits_per_value": 8 * encoded / values,
        "bytes": encoded,
        "largest_error_in_bounds": nearest,
        "encode_mb_s": speed[0],
        "decode_mb_s": speed[1],
    }


def ranges(folder: Path, name: str) -> np.ndarray:
    """Of each channel over the whole set."""
    index = json.loads((folder / "index.json").read_text("utf-8"))
    with np.load(folder / index[name]["file"]) as arrays:
        return np.ptp(arrays["x"].astype(np.float64), axis=0)


def fitted_to(folder: Path, name: str, general, minutes: float):
    """What `tinify fit --whole` makes of the train split."""
    train = read_series_sets(folder, "train", [name])[0]
    codec = fit([piece.astype(np.float32) for piece in train.pieces], FitOptions(minutes=minutes), start=general)
    codec.name = general.name
    return codec


def study(make, sets: list[SeriesSet], folder: Path, anchors: dict, bounds, say) -> dict:
    """For each bound and set: what was measured, the peers' bits, and the ratio to the best of them."""
    results: dict = {str(bound): {} for bound in bounds}
    for series in sets:
        codec, unit = make(series.name), ranges(folder, series.name)
        for bound in bounds:
            mine = measure(codec, series, bound * unit)
            peers = {peer: anchors[series.name][str(bound)][peer]["bits_per_sample"] for peer in PEERS}
            mine |= {"peers": peers, "to_best_peer": mine["bits_per_value"] / min(peers.values())}
            results[str(bound)][series.name] = mine
            say(series.name, bound, mine)
    return results


def _say(label: str):
    def line(name: str, bound: float, entry: dict) -> None:
        peers = " ".join(f"{peer} {bits:.3f}" for peer, bits in entry["peers"].items())
        speed = f"{entry['encode_mb_s']:.2f} MB/s in, {entry['decode_mb_s']:.2f} out"
        figures = f"{entry['bits_per_value']:.4f}   {peers}   to best peer {entry['to_best_peer']:.3f}"
        print(f"{label:8s} {name:16s} {bound:<6g} {figures}   {speed}", flush=True)

    return line


def _summary(label: str, results: dict) -> dict:
    means = {}
    for bound, entries in results.items():
        ratios = [entry["to_best_peer"] for entry in entries.values()]
        means[bound] = geometric_mean(ratios)
        print(f"{label:8s} bound {bound}: geometric mean {means[bound]:.3f}, worst {max(ratios):.3f}", flush=True)
    return means


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--codec", default="series-mixing", help="a zoo name, folder or codec file")
    parser.add_argument("--fitted", action="store_true", help="also fitted to the train split of each set")
    parser.add_argument("--minutes", type=float, default=3.0, help="of fitting, at most")
    parser.add_argument("--sets", nargs="+", default=None)
    parser.add_argument(
        "--bounds", nargs="+", type=float, default=BOUNDS, help="shares of the range: 0.1 0.03 0.01 0.001"
    )
    parser.add_argument("--output", type=Path, default=None, help="folder for <codec>.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    shared = Path(os.environ.get("TINIFY_DATA", REPOSITORY.parent / "shared" / "data"))
    folder, peers = shared / "timeseries", shared.parent / "anchors" / "timeseries_error_bounded.json"
    sets = read_series_sets(folder, "test", options.sets)
    anchors = json.loads(peers.read_text("utf-8"))["results"]
    general = tinify.load(options.codec)
    makers = {"general": lambda name: general}
    if options.fitted:
        makers["fitted"] = lambda name: fitted_to(folder, name, general, options.minutes)
    report: dict = {"command": command(), "versions": versions()}
    for label, make in makers.items():
        results = study(make, sets, folder, anchors, options.bounds, _say(label))
        report[label] = {"to_best_peer_geometric_mean": _summary(label, results), "bounds": results}
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        text = json.dumps(rounded(report), indent=1)
        (options.output / f"{Path(options.codec).stem}.json").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
