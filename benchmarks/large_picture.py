# SPDX-License-Identifier: Apache-2.0
"""Peak memory and time of `tinify compress` and `decompress` on one large picture, each in a process of its own.

    python benchmarks/large_picture.py --side 20000 --codec photo-fast

The picture is made, row by row: waves, edges and noise, as a PPM (or .npy) file in a folder that is removed afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

_CHILD = (
    "import resource, sys; from tinify.cli.main import run; code = run(sys.argv[1:]); "
    "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr); sys.exit(code)"
)
_BAND = 256


def make(path: Path, side: int) -> None:
    """A picture (side, side, 3) uint8, some rows at a time."""
    random = np.random.default_rng(0)
    columns = np.arange(side, dtype=np.float32)
    noise = random.normal(scale=4, size=(_BAND, side, 3)).astype(np.float32)
    with open(path, "wb") as file:
        if path.suffix == ".npy":
            header = {"descr": "|u1", "fortran_order": False, "shape": (side, side, 3)}
            np.lib.format.write_array_header_1_0(file, header)
        else:
            file.write(b"P6\n%d %d\n255\n" % (side, side))
        for top in range(0, side, _BAND):
            rows = np.arange(top, min(top + _BAND, side), dtype=np.float32)[:, None]
            waves = 60 * np.sin(columns / 37 + rows / 91) + 30 * np.sin(rows / 13) * np.cos(columns / 17)
            edges = 40 * (((rows // 300 + columns // 400) % 2) > 0)
            band = 110 + (waves + edges)[:, :, None] * np.array([1, 0.8, 0.6], np.float32) + noise[: len(rows)]
            file.write(band.clip(0, 255).astype(np.uint8).tobytes())


def run(*arguments: str) -> tuple[float, float]:
    """(seconds, GB of peak resident memory) of the command line with these arguments."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", _CHILD, *arguments], capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(done.stderr)
    unit = 1 if sys.platform == "darwin" else 1024
    return seconds, int(done.stderr.split()[-1]) * unit / 1e9


def psnr(x: Path, y: Path) -> float:
    """dB between two raw files with heads of the same length, some bytes at a time."""
    total, count = 0.0, 0
    with open(x, "rb") as one, open(y, "rb") as other:
        while a := one.read(1 << 24):
            difference = np.frombuffer(a, np.uint8).astype(np.float32) - np.frombuffer(other.read(1 << 24), np.uint8)
            total, count = total + float(np.square(difference).sum(dtype=np.float64)), count + len(a)
    return 10 * np.log10(255**2 / max(total / count, 1e-12))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=8000)
    parser.add_argument("--codec", default="photo-fast")
    parser.add_argument("--extension", choices=[".ppm", ".npy"], default=".ppm")
    parser.add_argument("--tile", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--lossless", action="store_true")
    parser.add_argument("--folder", help="Where the picture is made. Default: a temporary one.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        place = Path(folder)
        source, packed, back = place / f"x{options.extension}", place / "x.tnf", place / f"y{options.extension}"
        make(source, options.side)
        threads = ["--threads", str(options.threads)]
        rate = ["--lossless"] if options.lossless else []
        tile = ["--tile", str(options.tile)]
        results = {"side": options.side, "codec": options.codec, "input_bytes": os.path.getsize(source)}
        arguments = ["compress", str(source), str(packed), "--codec", options.codec, *tile, *rate, *threads]
        results["compress"] = dict(zip(("seconds", "peak_gb"), run(*arguments), strict=True))
        results["output_bytes"] = os.path.getsize(packed)
        arguments = ["decompress", str(packed), str(back), *threads]
        results["decompress"] = dict(zip(("seconds", "peak_gb"), run(*arguments), strict=True))
        results["psnr"] = psnr(source, back)
        middle = options.side // 2
        region = ["--region", f"{middle},{middle},512,512"]
        arguments = ["decompress", str(packed), str(place / "part.png"), *region]
        results["region_512"] = dict(zip(("seconds", "peak_gb"), run(*arguments), strict=True))
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
