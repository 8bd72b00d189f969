# SPDX-License-Identifier: Apache-2.0
"""compress and decompress of a picture with `mbt2018-mean`, beside CompressAI's in the same run.

    python benchmarks/bench_image.py [--compressai-python PATH] [--repeats 9] [--threads 2] [--picture FILE] [--stages]

N = 128, M = 192, one 768x512 picture, the same random weights on both sides, scaled so that the latents are busy
(about two bits a pixel). The two sides take turns, so that whatever else the machine does falls on both. The table has
medians of wall time, the least, and the median of CPU time (all threads). `--stages` shows where Tinify's time goes.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from tinify.entropy_coder import using_entropy_coder
from tinify.layers.native import fast_inference
from tinify.models import MeanScaleHyperprior

CODERS = ("rans32", "rans64")
Times = tuple[float, float]  # wall, CPU


def picture(path: Path | None) -> Tensor:
    """(1, 3, 512, 768) in [0, 1]: the upper left of a file, or waves with texture on one half."""
    if path is not None:
        with Image.open(path) as image:
            samples = np.asarray(image.convert("RGB"))[:512, :768]
        return torch.from_numpy(samples.astype(np.float32) / 255).permute(2, 0, 1)[None].contiguous()
    rows, columns = np.mgrid[:512, :768]
    waves = np.stack([np.sin(rows / (17 + 3 * c) + columns / (31 - 4 * c)) for c in range(3)])
    texture = np.random.default_rng(0).normal(size=waves.shape) * (columns > 384)
    return torch.from_numpy((0.5 + 0.3 * waves + 0.1 * texture).clip(0, 1).astype(np.float32))[None]


def _rescale(layer: nn.Module, output: Callable[[], Tensor], std: float, mean: float = 0.0) -> Tensor:
    out = output()
    factor = std / out.std((0, 2, 3))
    layer.weight *= factor.reshape((1, -1, 1, 1) if isinstance(layer, nn.ConvTranspose2d) else (-1, 1, 1, 1))
    layer.bias.copy_((layer.bias - out.mean((0, 2, 3))) * factor + mean)
    return output()


@torch.no_grad()
def random_codec(x: Tensor, N: int = 128, M: int = 192) -> MeanScaleHyperprior:
    """Random weights under which y has a deviation of 1.5 under scales near 1.5, and z one of 3."""
    torch.manual_seed(0)
    codec = MeanScaleHyperprior(N, M).eval()
    y = _rescale(codec.g_a[-1], lambda: codec.g_a(x), 1.5)
    z = _rescale(codec.h_a[-1], lambda: codec.h_a(y), 3.0)
    _rescale(codec.h_s[-1], lambda: codec.h_s(z), 0.1)
    codec.h_s[-1].bias[:M] += 1.5
    _rescale(codec.g_s[-1], lambda: codec.g_s(y), 0.2, 0.5)
    codec.update(update_quantiles=True)
    return codec


def timed(call: Callable) -> tuple[object, Times]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = call()
    return result, (time.perf_counter() - wall, time.process_time() - cpu)


def psnr(x_hat: Tensor, x: Tensor) -> float:
    """Of the pictures rounded to 8 bits, in dB."""
    error = ((x_hat.clamp(0, 1) * 255).round() - (x * 255).round()).square().mean().item()
    return 10 * math.log10(255**2 / error) if error else math.inf


class Side:
    """Times of one side, and what it made."""

    def __init__(self, name: str):
        self.name, self.encode, self.decode = name, [], []
        self.bytes, self.x_hat = 0, None

    def add(self, encode: Times, decode: Times) -> None:
        self.encode.append(encode)
        self.decode.append(decode)

    def seconds(self, clock: int = 0, choose: Callable = statistics.median) -> tuple[float, float, float]:
        """Encode, decode and both, on the wall clock (0) or the CPU's (1); the median or, with `min`, the least."""
        encode, decode = ([t[clock] for t in times] for times in (self.encode, self.decode))
        both = [e + d for e, d in zip(encode, decode, strict=True)]
        return choose(encode), choose(decode), choose(both)


def run_ours(side: Side, codec: MeanScaleHyperprior, x: Tensor, coder: str) -> None:
    with torch.inference_mode(), using_entropy_coder(coder):
        out, encode = timed(lambda: codec.compress(x))
        restored, decode = timed(lambda: codec.decompress(**out))
    side.add(encode, decode)
    side.bytes = sum(len(s) for stream in out.strings for s in stream)
    side.x_hat = restored.x_hat


@contextmanager
def peer(python: str, case: Path):
    """A running CompressAI side; calling it makes one compress and decompress there."""
    script = Path(__file__).with_name("cai_image.py")
    with subprocess.Popen([python, str(script), str(case)], stdin=-1, stdout=-1, text=True) as process:
        print("CompressAI", json.loads(process.stdout.readline()))

        def once(side: Side) -> None:
            print("go", file=process.stdin, flush=True)
            answer = json.loads(process.stdout.readline())
            side.add(answer["encode"], answer["decode"])
            side.bytes = answer["bytes"]
            side.x_hat = torch.load(case.with_suffix(".restored"), weights_only=True)

        yield once


def show(sides: list[Side], x: Tensor) -> None:
    base = next((s for s in sides if s.name == "compressai"), None)
    print(f"{'ms':14s}   encode   decode     both    least      CPU    bytes   PSNR dB  ratio of both, least, CPU")
    for side in sides:
        times = [*side.seconds(), side.seconds(0, min)[2], side.seconds(1)[2]]
        row = f"{side.name:14s} {' '.join(f'{1e3 * t:8.0f}' for t in times)} {side.bytes:8d} {psnr(side.x_hat, x):9.4f}"
        if base is not None and side is not base:
            theirs = [base.seconds()[2], base.seconds(0, min)[2], base.seconds(1)[2]]
            row += "  " + ", ".join(f"{t / mine:.2f}x" for t, mine in zip(theirs, times[2:], strict=True))
        print(row)
    if base is not None:
        for side in sides:
            apart = (side.x_hat - base.x_hat).abs().max().item()
            gap = psnr(side.x_hat, x) - psnr(base.x_hat, x)
            print(f"{side.name}: PSNR {gap:+.4f} dB from CompressAI's; largest difference of a sample {apart:.1e}")


def fastest(call: Callable, repeats: int) -> tuple[object, Times]:
    """The result, and the least wall and CPU time of several calls."""
    runs = [timed(call) for _ in range(repeats)]
    return runs[0][0], tuple(min(times[clock] for _, times in runs) for clock in (0, 1))


@torch.inference_mode()
def show_stages(codec: MeanScaleHyperprior, x: Tensor, repeats: int) -> None:
    """Least time of every stage, and of the layers as torch alone computes them."""
    rows: list[tuple[str, Times]] = []

    def stage(name: str, call: Callable):
        result, times = fastest(call, repeats)
        rows.append((name, times))
        return result

    hyper, latent = codec.latent_codec.hyper, codec.latent_codec.y
    bottleneck, gaussian = codec.entropy_bottleneck, codec.gaussian_conditional
    y = stage("g_a", lambda: fast_inference(codec.g_a)(x))
    out = stage("latent codec, encoding", lambda: codec.latent_codec.compress(y))
    z = stage("  h_a", lambda: codec.h_a(y))
    z_strings = stage("  z to bytes", lambda: bottleneck.compress(z))
    params = stage("  z from bytes, h_s", lambda: hyper.decompress([z_strings], z.shape[2:]).params)
    stage("  h_s in single precision", lambda: codec.h_s(z))
    scales, means = latent._scales_and_means(params)
    indexes = stage("  indexes", lambda: gaussian.build_indexes(scales))
    symbols = stage("  symbols", lambda: gaussian.quantize(y, "symbols", means))
    strings = stage("  y to bytes", lambda: gaussian.encode(symbols, indexes))
    stage("  y from bytes", lambda: gaussian.decode(strings, indexes))
    y_hat = stage("latent codec, decoding", lambda: codec.latent_codec.decompress(out.strings, out.shape)).y_hat
    stage("g_s", lambda: fast_inference(codec.g_s)(y_hat))
    stage("fingerprint (file level only)", codec.fingerprint)
    for part, value in (("g_a", x), ("g_s", y_hat)):
        value = value.contiguous(memory_format=torch.channels_last)
        for index, layer in enumerate(getattr(codec, part)):
            value = stage(f"{part}[{index}] {type(layer).__name__}, torch alone", lambda v=value, f=layer: f(v))
    print(f"{'least ms':40s} {'wall':>8s} {'CPU':>8s}")
    for name, (wall, cpu) in rows:
        print(f"{name:40s} {1e3 * wall:8.1f} {1e3 * cpu:8.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compressai-python", help="Python of an environment with compressai 1.2.8")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--picture", type=Path, help="a picture of at least 768x512; default: one made here")
    parser.add_argument("--stages", action="store_true", help="show where the time goes")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    x = picture(options.picture)
    codec = random_codec(x)
    sides = [Side(f"tinify {coder}") for coder in CODERS]
    with tempfile.TemporaryDirectory() as folder:
        case = Path(folder) / "case.pt"
        torch.save({"state": codec.state_dict(), "x": x, "threads": options.threads}, case)
        rounds: list[Callable[[], None]] = [
            lambda s=s, c=c: run_ours(s, codec, x, c) for s, c in zip(sides, CODERS, strict=True)
        ]
        if options.compressai_python:
            with peer(options.compressai_python, case) as once:
                sides.append(Side("compressai"))
                take_turns([*rounds, lambda: once(sides[-1])], sides, options.repeats)
        else:
            take_turns(rounds, sides, options.repeats)
    show(sides, x)
    if options.stages:
        show_stages(codec, x, options.repeats)


def take_turns(rounds: list[Callable[[], None]], sides: list[Side], repeats: int) -> None:
    """Runs every side once to warm up, which is not counted, and then in turn, each time another one first."""
    for count in range(repeats + 1):
        for one in rounds[count % len(rounds) :] + rounds[: count % len(rounds)]:
            one()
        if count == 0:
            for side in sides:
                side.encode.clear()
                side.decode.clear()


if __name__ == "__main__":
    main()
