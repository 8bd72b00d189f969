# SPDX-License-Identifier: Apache-2.0
"""The decode grid of every image codec over the Kodak pictures, and bits as estimated beside those that are written.

    python benchmarks/decode_grid.py [--width small|published] [--pictures 24] [--size 384 256] [--codecs NAME ...]

Files written with 1 thread, with 2, with channels last, with transforms in bfloat16 and in batches of 4 are read under
each of these: the latents have to be the same to the last bit. Codecs of networks have random weights, scaled so that
latents are active, and are coded as they are and, with --exact, after `quantize_entropy_path`; those of the zoo are
trained. Exits with 1 on a failure, or where the bits of a codec are more than 1 %, and 8 bytes for each stream, from
the estimate.

--size: width and height of the middle that is cut out, in multiples of 64; else all of a picture. Data: TINIFY_DATA,
else ../shared/data, holds the folder `kodak`.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

import tinify
from tests.models.image.active import EVERY, make
from tests.models.image.grid import Tally, run
from tinify import zoo

DATA = os.environ.get("TINIFY_DATA", Path(__file__).parents[2] / "shared" / "data")
TRAINED = [name for name in zoo.names() if tinify.load(name).modality == "image"]
QUALITIES = (20.0, 80.0)  # of codecs that have more than one rate


def pictures(count: int, size: tuple[int, int] | None) -> list[torch.Tensor]:
    """Batches of up to four (B, 3, H, W) of one size."""
    groups: dict[tuple, list[torch.Tensor]] = {}
    for path in sorted((Path(DATA) / "kodak").glob("*.png"))[:count]:
        with Image.open(path) as image:
            width, height = size or (side // 64 * 64 for side in image.size)
            left, top = (image.width - width) // 2, (image.height - height) // 2
            samples = np.asarray(image.convert("RGB"))[top : top + height, left : left + width]
        x = torch.from_numpy(samples.astype(np.float32) / 255).permute(2, 0, 1)
        groups.setdefault(x.shape, []).append(x)
    return [torch.stack(group[n : n + 4]) for group in groups.values() for n in range(0, len(group), 4)]


def codec_of(name: str, options: argparse.Namespace):
    if name in TRAINED:
        return tinify.load(name).eval()
    codec = make(name, options.width == "published")
    if options.exact:
        tinify.quantize_entropy_path(codec)
    return codec


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", choices=["small", "published"], default="small")
    parser.add_argument("--pictures", type=int, default=24)
    parser.add_argument("--size", type=int, nargs=2, metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--codecs", nargs="+", default=[*EVERY, *TRAINED], choices=[*EVERY, *TRAINED])
    parser.add_argument("--exact", action="store_true", help="after tinify.quantize_entropy_path")
    options = parser.parse_args()
    batches, broken = pictures(options.pictures, options.size), 0
    print("| codec | files | readings | failures | files unlike those of 1 thread | bits estimated | written | | s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in options.codecs:
        codec, tally, begin = codec_of(name, options), Tally(), time.perf_counter()
        for level in {codec.level_of(quality) for quality in QUALITIES}:
            for x in batches:
                tally += run(codec, x, level)
        broken += bool(tally.failures) or tally.distance > 0.01 * tally.estimated + 64 * tally.streams
        bits = (
            f"{tally.estimated:,.0f} | {tally.written:,} | {tally.written / tally.estimated - 1:+.2%}"
            if tally.estimated
            else "| |"
        )
        print(f"| `{name}` | {tally.files} | {tally.readings} | {len(tally.failures)} | {tally.others} | {bits} "
              f"| {time.perf_counter() - begin:.0f} |", flush=True)  # fmt: skip
        for failure in tally.failures[:5]:
            print(f"  {failure}", file=sys.stderr, flush=True)
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
