# SPDX-License-Identifier: Apache-2.0
"""Speed of series codecs on whole files in memory, from float32 samples to .tnf bytes and back, on one and two threads.

    python benchmarks/bench_series.py                        # 32 MB of the ECG set, the zoo's codecs and two small ones
    python benchmarks/bench_series.py --set gas_ht --megabytes 128 --threads 2

The set is repeated to the size (chunks of a million numbers are coded on their own, so that helps no codec). Median of
`--repeats` by the clock on the wall. "histogram" and "gru" are residual vector quantizers on plain patches, trained
here for `--minutes` each; beside them a uniform grid with pcodec in the same run, where pcodec is installed.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import tinify
from tinify import container
from tinify.data.series import SeriesSet, SeriesWindows, read_series_sets
from tinify.signal import Signal
from tinify.training import series as training
from tinify.training.recipe import parse_recipe

REPOSITORY = Path(__file__).resolve().parents[1]
ZOO = ("tokenizer", "series-mixing", "tcrae-seq", "tcrae")
PATCHES = {
    "histogram": {"stages": 1, "codebook_size": 256, "prior": "histogram"},
    "gru": {"stages": 1, "codebook_size": 256, "prior": "gru"},
}


def trained(name: str, train: SeriesSet, minutes: float):
    """A tokenizer on plain patches of 16 samples, ready to code."""
    torch.manual_seed(1)
    codec = {"kind": "codec", "name": "tokenizer", "patch": 16, "transform": "identity", **PATCHES[name]}
    recipe = parse_recipe(
        {
            "codec": codec,
            "optimizer": {"steps": 10**6, "minutes": minutes / 2},
            "prior": {"qualities": [50.0, 100.0], "minutes": minutes / 2},
        },
        training.SeriesRecipe,
    )
    built = tinify.build(codec)
    built.name = name
    training.train_networks(built, SeriesWindows([train], recipe.data.window, 1), recipe, lambda _: None)
    training.fit_prior(built, [train], recipe, lambda _: None)
    return built.eval()


def seconds(call: Callable, repeats: int) -> float:
    """Median on the wall, after one call that does not count."""
    call()
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return float(np.median(found))


def row(codec, x: np.ndarray, scale: np.ndarray, quality: float, threads: int, repeats: int) -> str:
    def there() -> bytes:
        return container.pack(codec.pack(Signal("series", x), quality=quality, scale=scale, threads=threads))

    def back() -> np.ndarray:
        return codec.unpack(container.unpack(data), threads=threads).samples

    data = there()
    nrmse = np.sqrt(np.mean(((back() - x) / scale) ** 2))
    speeds = [x.nbytes / 1e6 / seconds(call, repeats) for call in (there, back)]
    return line(f"{codec.name}, quality {quality:g}", threads, 8 * len(data) / x.size, nrmse, speeds)


def peer_row(x: np.ndarray, scale: np.ndarray, step: float, repeats: int) -> str | None:
    try:
        from pcodec import ChunkConfig, standalone
    except ImportError:
        return None
    width = (step * scale).astype(np.float32)

    def there() -> list[bytes]:
        k = np.rint(x / width).astype(np.int32)
        return [standalone.simple_compress(np.ascontiguousarray(k[:, c]), ChunkConfig()) for c in range(x.shape[1])]

    def back() -> np.ndarray:
        return np.stack([standalone.simple_decompress(part) for part in parts], axis=1) * width

    parts = there()
    nrmse = np.sqrt(np.mean(((back() - x) / scale) ** 2))
    speeds = [x.nbytes / 1e6 / seconds(call, repeats) for call in (there, back)]
    return line("grid + pcodec", 1, 8 * sum(map(len, parts)) / x.size, nrmse, speeds)


def line(name: str, threads: int, bits: float, nrmse: float, speeds: list[float]) -> str:
    return f"{name:28s} {threads:7d} {bits:9.3f} {nrmse:7.4f} {speeds[0]:9.1f} {speeds[1]:9.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", default="ecg_mitbih100")
    parser.add_argument("--megabytes", type=float, default=32)
    parser.add_argument("--codecs", nargs="+", default=[*PATCHES, *ZOO], help=f"of {', '.join([*PATCHES, *ZOO])}")
    parser.add_argument("--qualities", nargs="+", type=float, default=[30.0, 60.0])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=0.5)
    options = parser.parse_args()
    folder = Path(os.environ.get("TINIFY_DATA", REPOSITORY.parent / "shared" / "data")) / "timeseries"
    train, test = (read_series_sets(folder, split, [options.set])[0] for split in ("train", "test"))
    x = np.concatenate([piece.astype(np.float32) for piece in test.pieces])
    x = np.tile(x, (max(1, round(options.megabytes * 1e6 / x.nbytes)), 1))
    print(f"{options.set}: {x.nbytes / 1e6:.0f} MB of float32, {x.shape[1]} channels")
    print(f"{'':28s} threads bits/value  NRMSE  MB/s in  MB/s out")
    for name in options.codecs:
        codec = trained(name, train, options.minutes) if name in PATCHES else tinify.load(name)
        for threads in options.threads:
            torch.set_num_threads(threads)
            for quality in options.qualities:
                print(row(codec, x, test.deviation, quality, threads, options.repeats), flush=True)
    found = peer_row(x, test.deviation, 0.1, options.repeats)
    print(found or "grid + pcodec: not installed (pip install pcodec)")


if __name__ == "__main__":
    main()
