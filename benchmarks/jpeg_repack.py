# SPDX-License-Identifier: Apache-2.0
"""Bytes of JPEG files repacked without loss, beside JPEG's own ways to save bytes and libjxl's transcoder.

python benchmarks/jpeg_repack.py [--qualities 15 30 50 75 90] [--pictures FOLDER] [--output results.json]

Pillow writes each picture at each quality in three ways that hold the same numbers: as it does by default, with
optimized code tables, progressive. `tinify repack` of each is a real file, restored and compared byte for byte.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import time
from pathlib import Path

from PIL import Image

from tinify import jpeg_files
from tinify.evaluation.provenance import command, versions

REPOSITORY = Path(__file__).resolve().parents[1]
WAYS = {"default": {}, "optimized": {"optimize": True}, "progressive": {"progressive": True}}


def jxl_size(data: bytes) -> int | None:
    """Bytes of libjxl's transcoding; None without imagecodecs."""
    try:
        import imagecodecs
    except ImportError:
        return None
    return len(imagecodecs.jpegxl_encode_jpeg(data))


def sizes(picture: Image.Image, quality: int, subsampling: str) -> dict[str, float]:
    found: dict[str, float] = {"repack_s": 0.0, "restore_s": 0.0}
    for way, options in WAYS.items():
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality, subsampling=subsampling, **options)
        data = file.getvalue()
        since = time.perf_counter()
        packed = jpeg_files.repack(data)
        found["repack_s"] += (time.perf_counter() - since) / len(WAYS)
        since = time.perf_counter()
        if jpeg_files.restore(packed) != data:
            raise SystemExit("a file did not come back as it was")
        found["restore_s"] += (time.perf_counter() - since) / len(WAYS)
        found |= {way: len(data), f"{way}, repacked": len(packed)}
        jxl = jxl_size(data)
        if jxl is not None:
            found[f"{way}, libjxl"] = jxl
    return found


def main() -> None:
    data = Path(os.environ.get("TINIFY_DATA", REPOSITORY.parent / "shared" / "data"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--qualities", type=int, nargs="+", default=[15, 30, 50, 75, 90])
    parser.add_argument("--subsampling", choices=["4:2:0", "4:2:2", "4:4:4"], default="4:2:0")
    parser.add_argument("--pictures", type=Path, default=data / "kodak", help="folder of PNG files")
    parser.add_argument("--output", type=Path, help="JSON file for the figures")
    options = parser.parse_args()
    pictures = [Image.open(path).convert("RGB") for path in sorted(options.pictures.glob("*.png"))]
    points = []
    for quality in options.qualities:
        rows = [sizes(picture, quality, options.subsampling) for picture in pictures]
        sums = {name: sum(row[name] for row in rows) for name in rows[0]}
        means = {name: round(sums.pop(name) / len(rows), 4) for name in ("repack_s", "restore_s")}
        least = min(1 - row["default, repacked"] / row["optimized"] for row in rows)
        points.append({"quality": quality, **means, "least_saved_of_optimized": round(least, 4), "bytes": sums})
        print(f"quality {quality}: {len(rows)} files, {sums['optimized']:,} bytes optimized; to these, in percent:")
        print("   ", *(f"{name} {100 * size / sums['optimized'] - 100:+.2f};" for name, size in sums.items()))
        print(f"     repack {means['repack_s']:.3f} s, restore {means['restore_s']:.3f} s a file", flush=True)
    if options.output:
        about = {"set": options.pictures.name, "pictures": len(pictures), "subsampling": options.subsampling}
        record = {"codec": jpeg_files.CODEC, "command": command(), "versions": versions(), "data": about}
        record["points"] = points
        options.output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
