# SPDX-License-Identifier: Apache-2.0
"""Bytes of pictures without loss, from real files, beside PNG, lossless WebP and JPEG 2000; every file is decoded and
compared.

python benchmarks/image_lossless.py [--codec photo-best] [--max-error 2] [--peers PNG] [--pictures FOLDER]
"""

from __future__ import annotations

import argparse
import io
import os
from pathlib import Path

import numpy as np
from PIL import Image

import tinify

REPOSITORY = Path(__file__).resolve().parents[1]
PEERS = {
    "PNG": {"optimize": True},
    "WEBP": {"lossless": True, "method": 6, "quality": 100},
    "JPEG2000": {"irreversible": False, "mct": 1},
}


def sizes(samples: np.ndarray, codec: str, max_error: int, peers: list[str]) -> dict[str, int]:
    data = tinify.compress(samples, codec=codec, max_error=max_error)
    if np.abs(tinify.decompress(data).astype(int) - samples).max() > max_error:
        raise SystemExit("a picture did not come back as it was")
    found = {"tinify": len(data)}
    for name in peers:
        buffer = io.BytesIO()
        Image.fromarray(samples).save(buffer, name, **PEERS[name])
        if not np.array_equal(np.array(Image.open(buffer).convert("RGB")), samples):
            raise SystemExit(f"{name} kept not every sample")
        found[name] = buffer.tell()
    return found


def main() -> None:
    data = Path(os.environ.get("TINIFY_DATA", REPOSITORY.parent / "shared" / "data"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--codec", default="photo-best")
    parser.add_argument("--max-error", type=int, default=0, help="how far off a sample may be")
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--pictures", type=Path, default=data / "kodak", help="folder of PNG files")
    options = parser.parse_args()
    rows = []
    for path in sorted(options.pictures.glob("*.png")):
        rows.append(sizes(np.array(Image.open(path).convert("RGB")), options.codec, options.max_error, options.peers))
        print(path.name, *(f"{name} {size}" for name, size in rows[-1].items()), flush=True)
    print(f"{sum(row['tinify'] for row in rows)} bytes of {len(rows)} pictures")
    for name in options.peers:
        ratios = [row["tinify"] / row[name] for row in rows]
        total = sum(row["tinify"] for row in rows) / sum(row[name] for row in rows)
        print(f"to {name}: {total:.3f} of all bytes; at most {max(ratios):.3f} on a picture")


if __name__ == "__main__":
    main()
