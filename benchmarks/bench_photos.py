# SPDX-License-Identifier: Apache-2.0
"""Seconds of the zoo's picture codecs on one picture, beside AVIF, WebP and libjxl, and what coding ten times loses.

    python benchmarks/bench_photos.py PICTURE [--codecs photo-fast photo-best] [--qualities 30 50 65] [--repeats 5]

Least of the times, from samples in memory to the bytes of a file and back. "Ten times" is what coding the decoded
picture ten times more at the same quality loses, in dB of PSNR.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

import tinify
from tinify import container
from tinify.metrics.psnr import psnr
from tinify.signal import Signal

PILLOW = {"AVIF": {"quality": 60, "subsampling": "4:4:4", "speed": 6}, "WEBP": {"quality": 75, "method": 6}}


def least(repeats: int, work: Callable[[], object]) -> tuple[float, object]:
    best, result = float("inf"), None
    for _ in range(repeats):
        begin = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - begin)
    return best, result


def peers(samples: np.ndarray) -> dict[str, tuple[Callable[[], bytes], Callable[[bytes], object]]]:
    def encode(name: str) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(samples).save(buffer, name, **PILLOW[name])
        return buffer.getvalue()

    found = {
        name: (lambda name=name: encode(name), lambda data: Image.open(io.BytesIO(data)).load()) for name in PILLOW
    }
    try:
        import imagecodecs
    except ImportError:
        return found
    encode_jxl = lambda: imagecodecs.jpegxl_encode(samples, distance=2, effort=7)  # noqa: E731
    return found | {"libjxl": (encode_jxl, imagecodecs.jpegxl_decode)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--codecs", nargs="+", default=["photo-fast", "photo-best"])
    parser.add_argument("--qualities", nargs="+", type=float, default=[30, 50, 65])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    samples = np.asarray(Image.open(options.picture).convert("RGB"))
    pixels = samples.shape[0] * samples.shape[1]
    for name in options.codecs:
        codec = tinify.load(name)
        for quality in options.qualities:
            once = lambda x, q=quality, c=codec: container.pack(c.pack(Signal("image", x), quality=q))  # noqa: E731
            back = lambda data, c=codec: c.unpack(container.unpack(data)).samples  # noqa: E731
            encode_s, data = least(options.repeats, lambda once=once: once(samples))
            decode_s, first = least(options.repeats, lambda back=back, data=data: back(data))
            again = first
            for _ in range(10):
                again = back(once(again))
            loss = psnr(first, samples) - psnr(again, samples)
            print(f"{name} {quality:g}: {8 * len(data) / pixels:.3f} bpp, {psnr(first, samples):.2f} dB, "
                  f"{1e3 * encode_s:.0f} ms in, {1e3 * decode_s:.0f} ms out; ten times {loss:.3f} dB",
                  flush=True)  # fmt: skip
    for name, (encode, decode) in peers(samples).items():
        encode_s, data = least(options.repeats, encode)
        decode_s, _ = least(options.repeats, lambda decode=decode, data=data: decode(data))
        print(f"{name}: {8 * len(data) / pixels:.3f} bpp, {1e3 * encode_s:.0f} ms in, {1e3 * decode_s:.0f} ms out")


if __name__ == "__main__":
    main()
