# SPDX-License-Identifier: Apache-2.0
"""All 24 Kodak pictures through real files: is what comes back what `forward` gives, and are bytes the estimated bits?

    python benchmarks/kodak_round_trip.py [--codec NAME] [--data FOLDER] [--quality 0 50 100]

--codec is a codec of the zoo; without it, `mbt2018-mean` with N = 64, M = 96 and random weights. --data (default:
TINIFY_DATA, then ../shared/data) holds the folder `kodak`. Exits with 1 where a limit is broken: half a step of 8 bits
plus 0.01, and 1 % plus 64 bytes.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import numpy as np
import torch
from bench_image import picture, random_codec
from PIL import Image

import tinify
from tinify import container
from tinify.container import PAYLOAD
from tinify.models.image.base import ImageCodec
from tinify.ops import pad_to_multiple
from tinify.signal import Signal


@torch.no_grad()
def round_trip(codec: ImageCodec, samples: np.ndarray, quality: float) -> tuple[float, int, float]:
    """Largest distance of a sample from `forward` in steps of 8 bits, payload bytes, estimated bytes."""
    data = container.pack(codec.pack(Signal("image", samples), quality=quality))
    file = container.unpack(data)
    restored = codec.unpack(file).samples
    height, width = samples.shape[:2]
    x = torch.from_numpy(samples.astype(np.float32) / 255).permute(2, 0, 1)[None]
    out = codec(pad_to_multiple(x, codec.downsampling_factor), codec.level_of(quality))
    expected = out.x_hat.clamp(0, 1)[0, :, :height, :width].permute(1, 2, 0).numpy() * 255
    estimated = -sum(p.log2().sum().item() for p in out.likelihoods.values()) / 8
    return float(np.abs(restored - expected).max()), len(file.require(PAYLOAD)), estimated


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--codec", help="a codec of the zoo")
    default = os.environ.get("TINIFY_DATA", Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--quality", type=float, nargs="+", default=[0.0, 50.0, 100.0])
    options = parser.parse_args()
    codec = tinify.load(options.codec) if options.codec else random_codec(picture(None), 64, 96)
    codec.name = codec.name or "random"
    broken = 0
    for quality in options.quality if codec.gain is not None else [50.0]:
        distances, ratios, excess = [], [], []
        for path in sorted((options.data / "kodak").glob("*.png")):
            with Image.open(path) as image:
                distance, written, estimated = round_trip(codec, np.array(image.convert("RGB")), quality)
            distances.append(distance)
            ratios.append(written / estimated - 1)
            excess.append(abs(written - estimated) - 0.01 * estimated)
        broken += max(distances) > 0.5 + 1e-2 or max(excess) > 64
        print(
            f"quality {quality:5.1f}: {len(distances)} pictures, farthest from forward {max(distances):.4f} steps, "
            f"written to estimated bytes {100 * min(ratios):+.2f} % to {100 * max(ratios):+.2f} %, "
            f"beyond 1 %: at most {max(excess):.0f} bytes"
        )
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
