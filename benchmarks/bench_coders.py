# SPDX-License-Identifier: Apache-2.0
"""Speed and size of the entropy coders, beside CompressAI's in the same run.

    python benchmarks/bench_coders.py [--compressai-python PATH] [--repeats 15] [--clock cpu]

4 x 294 912 symbols over CompressAI's 64 Gaussian tables (scales 0.11 ... 256, tail mass 1e-9), one thread, median of
several whole Python calls that begin and end with integer arrays. `typ`: log-normal scales, 91 % zeros, 0.38 bit a
symbol. `uni`: every table equally often, 4.6 bits. CompressAI is timed twice: from and to tensors, as its entropy
models call it, and from and to lists made beforehand. `--clock cpu` counts the thread's own time on both sides, for
machines that others share.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.special import ndtr

from tinify import _core
from tinify.coders.rangecoder import RangeCoder
from tinify.coders.rans32 import Rans32
from tinify.coders.rans64 import Rans64

SHAPE = (4, 294_912)
SCALES = np.exp(np.linspace(np.log(0.11), np.log(256), 64))
CODERS = {"rans32": Rans32(), "rans64": Rans64(), "rangecoder": RangeCoder()}


def gaussian_tables(scales: np.ndarray = SCALES, tails: float = 6.109410204869) -> tuple[np.ndarray, ...]:
    """cdfs, lengths, offsets of zero-mean Gaussians; `tails` is the quantile of half the tail mass, 1e-9 / 2."""
    centers = np.ceil(scales * tails).astype(np.int32)
    pmf = np.zeros((len(scales), 2 * centers.max() + 2), np.float32)
    for row, (scale, center) in enumerate(zip(scales.astype(np.float32), centers, strict=True)):
        values = np.abs(np.arange(-center, center + 1)).astype(np.float32)
        upper, lower = ndtr((0.5 - values) / scale), ndtr((-0.5 - values) / scale)
        pmf[row, : len(values)] = upper - lower
        pmf[row, len(values)] = 2 * lower[0]
    lengths = 2 * centers + 2
    return _core.pmfs_to_quantized_cdfs(pmf, lengths, 16), lengths + 1, -centers


def cases(rng: np.random.Generator) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """name -> (symbols int32, indexes uint8)."""
    log_normal = np.exp(rng.normal(-2.6, 1.6, SHAPE))
    indexes = {
        "typ": np.searchsorted(SCALES[:-1], log_normal).astype(np.uint8),
        "uni": rng.integers(0, 64, SHAPE).astype(np.uint8),
    }
    return {name: (np.rint(rng.normal(size=SHAPE) * SCALES[i]).astype(np.int32), i) for name, i in indexes.items()}


def cross_entropy_bytes(symbols, indexes, cdfs, lengths, offsets) -> float:
    """Bytes that the 16-bit tables promise for these symbols (none of which is escaped)."""
    at = symbols - offsets[indexes]
    assert ((at >= 0) & (at < lengths[indexes] - 2)).all()
    counts = cdfs[indexes, at + 1] - cdfs[indexes, at]
    return float(-np.log2(counts / 65536).sum() / 8)


CLOCKS = {"wall": time.perf_counter, "cpu": time.thread_time}


def median_seconds(call, repeats: int, clock) -> float:
    seconds = []
    for _ in range(repeats):
        start = clock()
        call()
        seconds.append(clock() - start)
    return sorted(seconds)[len(seconds) // 2]


def run_compressai(python: str, tables, data, repeats: int, clock: str) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "input.npz"
        arrays = {
            f"{name}_{part}": a
            for name, pair in data.items()
            for part, a in zip(("symbols", "indexes"), pair, strict=True)
        }
        np.savez(
            path,
            cdfs=tables[0],
            lengths=tables[1],
            offsets=tables[2],
            cases=list(data),
            repeats=max(3, repeats // 3),
            **arrays,
        )
        script = Path(__file__).with_name("cai_coder.py")
        done = subprocess.run([python, str(script), str(path), clock], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"CompressAI's side failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(coder, symbols, indexes, tables, repeats: int, clock) -> tuple[float, float, bytes]:
    handle = coder.tables(*tables)
    stream = coder.encode(symbols, indexes, handle)
    assert np.array_equal(coder.decode(stream, indexes, handle), symbols)
    encode = median_seconds(lambda: coder.encode(symbols, indexes, handle), repeats, clock)
    decode = median_seconds(lambda: coder.decode(stream, indexes, handle), repeats, clock)
    return encode, decode, stream


def row(name, millions, encode, decode, size, entropy, peer) -> str:
    excess = 100 * (size / entropy - 1)
    text = f"{name:>22} {millions / encode:9.1f} {millions / decode:9.1f} {size:9d} {excess:+8.3f} %"
    return text + (f" {peer['encode'] / encode:8.1f}x {peer['decode'] / decode:8.1f}x" if peer else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--compressai-python", default=os.environ.get("TINIFY_COMPRESSAI_PYTHON"))
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--clock", choices=list(CLOCKS), default="wall")
    parser.add_argument("--coders", nargs="*", default=list(CODERS), choices=list(CODERS))
    options = parser.parse_args()
    tables, data = gaussian_tables(), cases(np.random.default_rng(1))
    python = options.compressai_python
    peers = run_compressai(python, tables, data, options.repeats, options.clock) if python else {}
    version = peers.get("version", "not measured (--compressai-python)")
    print(f"SIMD: {_core.simd()}; compressai {version}; Msym/s, {options.clock} time")
    for name, (symbols, indexes) in data.items():
        millions, entropy = symbols.size / 1e6, cross_entropy_bytes(symbols, indexes, *tables)
        peer = peers.get(name)
        print(f"\n{name}: {symbols.size} symbols, {8 * entropy / symbols.size:.3f} bit each by the 16-bit tables")
        print(f"{'':22} {'encode':>9} {'decode':>9} {'bytes':>9} {'vs entropy':>10} {'encode':>9} {'decode':>9}")
        if peer:
            print(row("compressai", millions, peer["encode"], peer["decode"], peer["bytes"], entropy, peer))
            print(
                row(
                    "compressai, from lists",
                    millions,
                    peer["encode_lists"],
                    peer["decode_lists"],
                    peer["bytes"],
                    entropy,
                    peer,
                )
            )
        for coder in options.coders:
            clock = CLOCKS[options.clock]
            encode, decode, stream = measure(CODERS[coder], symbols, indexes, tables, options.repeats, clock)
            print(row(coder, millions, encode, decode, len(stream), entropy, peer))
            if coder == "rans64" and peer:
                same = hashlib.sha256(stream).hexdigest() == peer["sha256"]
                print(f"{'':22} rans64's bytes {'equal' if same else 'DIFFER FROM'} CompressAI's")


if __name__ == "__main__":
    main()
