# SPDX-License-Identifier: Apache-2.0
"""What each part of photo-best is worth: BD-rate without it, and what ten codings at the same quality lose.

    python benchmarks/photo_best_ablations.py --output build/photo-best-ablations.json

On the pictures in TINIFY_DATA/val_images, never Kodak; bits are those of the entropy model, PSNR that of 8-bit RGB.
"""

from __future__ import annotations

import argparse
import json
import os
from contextlib import ExitStack
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from torch import Tensor

import tinify
from tinify.evaluation.run import read_pictures
from tinify.metrics.bd_rate import bd_rate
from tinify.models.image import rate_choice, restoration
from tinify.models.image.wavelet_mixing import WaveletMixing

REPOSITORY = Path(__file__).resolve().parents[1]
QUALITIES = (16.0, 28.0, 40.0, 52.0, 66.0)
AGAIN = (15.0, 35.0, 55.0, 75.0, 85.0)
CODINGS = 10


def never(*_) -> bool:
    return False


VARIANTS = {
    "all": [],
    "no network": [("codec", "restoration", None)],
    "network without cells": [(restoration, "_ROOM", 1e9)],
    "bits weighed once": [(rate_choice, "_ROUNDS", 1)],
    "a bit is worth ln 2 / 6 squared steps": [(rate_choice, "_SLOPE", 0.1155)],
    "numbers rounded, bits not weighed": [(rate_choice, "_ROUNDS", 0)],
    "no network, weighed once at ln 2 / 6": [("codec", "restoration", None), (rate_choice, "_ROUNDS", 1),
                                             (rate_choice, "_SLOPE", 0.1155)],
    "decoded pictures not noticed": [(rate_choice, "settled", never)],
    "no network, decoded pictures not noticed": [("codec", "restoration", None), (rate_choice, "settled", never)],
}  # fmt: skip


def changed(codec: WaveletMixing, changes: list) -> ExitStack:
    stack = ExitStack()
    for where, name, value in changes:
        stack.enter_context(mock.patch.object(codec if where == "codec" else where, name, value))
    return stack


@torch.no_grad()
def coded(codec: WaveletMixing, x: Tensor, quality: float) -> tuple[float, Tensor]:
    """Bits per pixel and the 8-bit picture of x (1, 3, H, W), in [0, 1]."""
    step = codec.step_of(codec.level_of(quality))
    symbols = codec.choose(codec.analysis(x)[0], step)
    bits = codec.entropy_model.cost(symbols.numpy(), codec.levels) / symbols[0].numel()
    return bits, codec.synthesis(codec.reconstruct(symbols, step)[None]).mul(255).round().div(255)


def psnr(x: Tensor, y: Tensor) -> float:
    return float(-10 * torch.log10((x - y).square().mean()))


def curves(codec: WaveletMixing, pictures: list[Tensor]) -> np.ndarray:
    """(pictures, qualities, 2): bits per pixel and PSNR."""
    points = [[(bits, psnr(x, x_hat)) for bits, x_hat in (coded(codec, x, q) for q in QUALITIES)] for x in pictures]
    return np.array(points)


def again(codec: WaveletMixing, pictures: list[Tensor]) -> dict[str, dict[str, float]]:
    """By quality: what is lost from the first coding to the eleventh, in dB, on average and at most."""
    found = {}
    for quality in AGAIN:
        losses = []
        for x in pictures:
            first = last = coded(codec, x, quality)[1]
            for _ in range(CODINGS):
                last = coded(codec, last, quality)[1]
            losses.append(psnr(x, first) - psnr(x, last))
        found[f"{quality:g}"] = {"mean_db": round(float(np.mean(losses)), 4), "most_db": round(max(losses), 4)}
    return found


def main() -> None:
    data = Path(os.environ.get("TINIFY_DATA", REPOSITORY.parent / "shared" / "data"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, default=data / "val_images")
    parser.add_argument("--every", type=int, default=2, help="every so manieth picture")
    parser.add_argument("--crop", type=int, default=448)
    parser.add_argument("--output", type=Path, default=REPOSITORY / "build" / "photo-best-ablations.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    codec = tinify.load("photo-best")
    loaded = list(read_pictures(options.pictures, None).values())[:: options.every]
    pictures = [
        torch.tensor(picture[: options.crop, : options.crop]).permute(2, 0, 1)[None] / 255 for picture in loaded
    ]
    whole, found = None, {}
    for name, changes in VARIANTS.items():
        with changed(codec, changes):
            entry = {}
            if "noticed" not in name:
                points = curves(codec, pictures)
                whole = points if whole is None else whole
                pairs = zip(whole, points, strict=True)
                rates = [bd_rate(*one.T, *other.T) for one, other in pairs]
                entry["bd_rate_percent"] = round(float(np.mean(rates)), 2)
            if "noticed" in name or name in ("all", "no network", "network without cells"):
                entry["ten_codings_lose"] = again(codec, pictures[::3])
        found[name] = entry
        print(name, json.dumps(entry), flush=True)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps({"pictures": len(pictures), "variants": found}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
