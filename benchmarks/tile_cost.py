# SPDX-License-Identifier: Apache-2.0
"""What tiles cost in bytes and in PSNR, on mosaics of four photos each.

    python benchmarks/tile_cost.py [--codecs photo-fast photo-hyperprior] [--tiles 512 1024] [--qualities 30 60]

The photos are the largest of the training set (TINIFY_DATA, else ../shared/data): 2 x 2 of those with a side of 1024,
turned where that is the height and cut to 1024 x 676, make a picture of 2048 x 1352.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from PIL import Image

import tinify
from tinify.metrics.psnr import psnr

DATA = os.environ.get("TINIFY_DATA", Path(__file__).parents[2] / "shared" / "data")
WIDTH, HEIGHT = 1024, 676


def mosaics(count: int) -> list[np.ndarray]:
    found = []
    for path in sorted((Path(DATA) / "train_images" / "hq").glob("clic*.jpg")):
        with Image.open(path) as image:
            x = np.asarray(image.convert("RGB"))
        x = np.rot90(x) if x.shape[0] > x.shape[1] else x
        if x.shape[1] == WIDTH and x.shape[0] >= HEIGHT:
            found.append(x[:HEIGHT])
    found = found[: 4 * count]
    rows = [np.concatenate(found[n : n + 2], 1) for n in range(0, len(found), 2)]
    return [np.concatenate(rows[n : n + 2]) for n in range(0, len(rows), 2)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--codecs", nargs="+", default=["photo-fast", "photo-hyperprior"])
    parser.add_argument("--tiles", type=int, nargs="+", default=[512, 1024])
    parser.add_argument("--qualities", type=float, nargs="+", default=[30.0, 60.0])
    parser.add_argument("--pictures", type=int, default=3)
    options = parser.parse_args()
    print("| codec | quality | bits a pixel, whole | " + " | ".join(f"tiles of {t}" for t in options.tiles) + " |")
    print("| --- | --- | --- |" + " --- |" * len(options.tiles))
    for name in options.codecs:
        for quality in options.qualities:
            sizes, quality_of, pixels = np.zeros(1 + len(options.tiles)), np.zeros(1 + len(options.tiles)), 0
            for x in mosaics(options.pictures):
                pixels += x.shape[0] * x.shape[1]
                for n, tile in enumerate([0, *options.tiles]):
                    data = tinify.compress(x, name, quality, tile=tile)
                    sizes[n] += len(data)
                    quality_of[n] += psnr(x, tinify.decompress(data)) / options.pictures
            cells = [
                f"{sizes[n] / sizes[0] - 1:+.2%} bytes, {quality_of[n] - quality_of[0]:+.3f} dB"
                for n in range(1, len(sizes))
            ]
            print(f"| `{name}` | {quality:g} | {8 * sizes[0] / pixels:.3f} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
