# SPDX-License-Identifier: Apache-2.0
"""compress and decompress of a 768x512 picture with every image codec of networks, beside CompressAI's in the same run.

    python benchmarks/bench_image_models.py [--compressai-python PATH] [--models mbt2018 ...] [--repeats 3]

The same random weights on both sides, those of variable rate at the fifth of their eight gains. CompressAI 1.2.8 has no
`cheng2020-gmm`. The two take turns, so that whatever else the machine does falls on both; the
table has the least of the times, in seconds: CompressAI's, ours, and ours after `tinify.optimize`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import torch
from bench_image import picture
from torch import Tensor

import tinify
from tinify import models

CODECS = {
    "bmshj2018-factorized": ("FactorizedPrior", (128, 192)),
    "bmshj2018-factorized-relu": ("FactorizedPriorReLU", (128, 192)),
    "bmshj2018-hyperprior": ("ScaleHyperprior", (128, 192)),
    "mbt2018-mean": ("MeanScaleHyperprior", (128, 192)),
    "mbt2018": ("JointAutoregressiveHierarchicalPriors", (192, 192)),
    "cheng2020-anchor": ("Cheng2020Anchor", (128,)),
    "cheng2020-attn": ("Cheng2020Attention", (128,)),
    "cheng2020-gmm": ("Cheng2020GMM", (128,)),
    "cheng2020-anchor-checkerboard": ("Cheng2020AnchorCheckerboard", (128,)),
    "elic2022-official": ("Elic2022Official", (192, 320)),
    "elic2022-chandelier": ("Elic2022Chandelier", (192, 320)),
    "bmshj2018-hyperprior-vbr": ("ScaleHyperpriorVbr", (192, 320, True)),
    "mbt2018-mean-vbr": ("MeanScaleHyperpriorVbr", (192, 320, True)),
    "mbt2018-vbr": ("JointAutoregressiveHierarchicalPriorsVbr", (192, 320)),
}
WITHOUT_PEER = {"Cheng2020GMM"}


def rate_of(name: str) -> dict[str, int]:
    """What compress and decompress of both sides take besides."""
    return {"s": 4} if name.endswith("-vbr") else {}


@torch.no_grad()
def build(name: str, x: Tensor):
    """A codec whose latent has a deviation of 2."""
    torch.manual_seed(0)
    kind, arguments = CODECS[name]
    codec = getattr(models, kind)(*arguments).eval()
    last = codec.g_a[-1] if isinstance(codec.g_a[-1], torch.nn.Conv2d) else codec.g_a[-2]
    last.weight *= 2 / codec.g_a(x).std()
    codec.update()
    return codec


@torch.no_grad()
def times(codec, x: Tensor, rate: dict[str, int]) -> tuple[float, float]:
    begin = time.perf_counter()
    out = codec.compress(x, **rate)
    middle = time.perf_counter()
    codec.decompress(**out, **rate)
    return middle - begin, time.perf_counter() - middle


def theirs(python: str, name: str, codec, x: Tensor, threads: int, folder: Path) -> subprocess.Popen:
    kind, arguments = CODECS[name]
    case = {"class": kind, "arguments": list(arguments), "state": codec.state_dict(), "x": x, "threads": threads,
            "rate": rate_of(name)}  # fmt: skip
    torch.save(case, folder / "case.pt")
    script = Path(__file__).with_name("cai_models.py")
    return subprocess.Popen([python, script, folder / "case.pt"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True)  # fmt: skip


def run(name: str, options: argparse.Namespace, x: Tensor) -> list[float | None]:
    """The least encode and decode seconds of CompressAI, of ours, and of ours optimized."""
    codec, best = build(name, x), [float("inf")] * 6
    with tempfile.TemporaryDirectory() as folder:
        python = options.compressai_python
        peer = (
            theirs(python, name, codec, x, options.threads, Path(folder))
            if python and CODECS[name][0] not in WITHOUT_PEER
            else None
        )
        for _ in range(options.repeats):
            found = [float("inf")] * 2
            if peer:
                peer.stdin.write("\n")
                peer.stdin.flush()
                answer = json.loads(peer.stdout.readline())
                found = [answer["encode"], answer["decode"]]
            for dtype in (torch.float32, torch.bfloat16):
                found += times(tinify.optimize(codec, dtype), x, rate_of(name))
            best = [min(pair) for pair in zip(best, found, strict=True)]
        if peer:
            peer.communicate()
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compressai-python", help="Python of an environment with compressai 1.2.8")
    parser.add_argument("--models", nargs="+", default=list(CODECS), choices=list(CODECS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    x = picture(None)
    print("| codec | CompressAI, in and out | ours | times | optimized, bfloat16 | times |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in options.models:
        a, b, c, d, e, f = run(name, options, x)
        peer = [f"{a:.2f}, {b:.2f} s", f"{a / c:.1f}, {b / d:.1f}", f"{a / e:.1f}, {b / f:.1f}"]
        peer = peer if a < float("inf") else ["-"] * 3
        print(f"| `{name}` | {peer[0]} | {c:.2f}, {d:.2f} s | {peer[1]} | {e:.2f}, {f:.2f} s | {peer[2]} |", flush=True)


if __name__ == "__main__":
    main()
