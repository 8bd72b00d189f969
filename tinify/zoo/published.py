# SPDX-License-Identifier: Apache-2.0
"""The checkpoints that CompressAI publishes: names, sizes, addresses.

    <root>/<stem>-<quality>-<first 8 digits of the SHA-256>.pth.tar

Their names here are `<architecture>-<metric>-<quality>`, as "mbt2018-mean-mse-3"; those of variable rate have no
quality, as "mbt2018-vbr-mse". Environment: TINIFY_MIRROR is used as the root instead (a URL below which the files have
the same names); TINIFY_CACHE and TINIFY_OFFLINE as in `tinify.zoo.weights`. What CompressAI fetched before, into torch
hub's folder, is used where it is. The weights are InterDigital's, under the licence BSD-3-Clause-Clear.
Source: Bégaint et al. 2020, arXiv:2011.03029.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinify.errors import ConfigError
from tinify.zoo.weights import Weights

ROOT = "https://compressai.s3.amazonaws.com/models/v1"
MIRROR = "TINIFY_MIRROR"

_SMALL, _LARGE = {"N": 128, "M": 192}, {"N": 192, "M": 320}
_CHENG = [{"N": 128}] * 3 + [{"N": 192}] * 3
# Architecture -> arguments of the codec at quality 1, 2, ...
SIZES: dict[str, list[dict[str, Any]]] = {
    "bmshj2018-factorized": [_SMALL] * 5 + [_LARGE] * 3,
    "bmshj2018-factorized-relu": [_SMALL] * 5 + [_LARGE] * 3,
    "bmshj2018-hyperprior": [_SMALL] * 5 + [_LARGE] * 3,
    "mbt2018-mean": [_SMALL] * 4 + [_LARGE] * 4,
    "mbt2018": [{"N": 192, "M": 192}] * 4 + [_LARGE] * 4,
    "cheng2020-anchor": _CHENG,
    "cheng2020-attn": _CHENG,
}
# Architecture of variable rate -> arguments of the codec.
VARIABLE_SIZES: dict[str, dict[str, Any]] = {
    "bmshj2018-hyperprior-vbr": _LARGE,
    "mbt2018-mean-vbr": _LARGE,
    "mbt2018-vbr": _LARGE,
}
# Stem of the file -> (architecture, metric, hashes of quality 1, 2, ...)
_FILES = {
    "bmshj2018-factorized-prior": ("bmshj2018-factorized", "mse",
        "446d5c7f 87279a02 5c6f152b 1ed4405a 866ba797 9b02ea3a 6dfd6734 5232faa3"),
    "bmshj2018-factorized-ms-ssim": ("bmshj2018-factorized", "ms-ssim",
        "9781d705 4a584386 5352f123 4f91b847 b3a88897 ee028763 8c265a29 8811bd14"),
    "bmshj2018-hyperprior": ("bmshj2018-hyperprior", "mse",
        "7eb97409 93677231 6d87be32 de1b779c f8b614e1 1ab9c41e 3804dcbd a583f0cf"),
    "bmshj2018-hyperprior-ms-ssim": ("bmshj2018-hyperprior", "ms-ssim",
        "5cf249be 1ff60d1f 92dd7878 4377354e c34afc8d 3a6d8229 8747d3bc cc15b5f3"),
    "mbt2018-mean": ("mbt2018-mean", "mse",
        "e522738d e54a039d 723404a8 6dba02a3 d504e8eb a19628ab d5d441d1 8089ae3e"),
    "mbt2018-mean-ms-ssim": ("mbt2018-mean", "ms-ssim",
        "5bf9c0b6 e2a1bf3f 640ce819 12626c13 1be7f059 b83bf379 ddf9644c 0cc7b94f"),
    "mbt2018": ("mbt2018", "mse",
        "3f36cd77 43b70cdd 22901978 456e2af9 b4a046dd 7052e5ea 8ba2bf82 dd0097aa"),
    "mbt2018-ms-ssim": ("mbt2018", "ms-ssim",
        "2878436b c41cb208 d0dd64e8 a120e037 9b30e3b7 f8b3626f 16e6ff50 0cb49d43"),
    "cheng2020-anchor": ("cheng2020-anchor", "mse", "dad2ebff a29008eb e49be189 98b0b468 23852949 4c052b1a"),
    "cheng2020_anchor-ms-ssim": ("cheng2020-anchor", "ms-ssim",
        "20f521db c7ff5812 c23e22d5 0e658304 c0a95e77 f2dc1913"),
    "cheng2020_attn-mse": ("cheng2020-attn", "mse", "465f2b64 e0805385 2d07bbdf f7b0ccf2 26c8920e 730501f2"),
    "cheng2020_attn-ms-ssim": ("cheng2020-attn", "ms-ssim",
        "c5381d91 5dad201d 5c9be841 8b2f647e 5ca1f34c 216423ec"),
}  # fmt: skip
_VARIABLE_FILES = {
    "bmshj2018-hyperprior-mse-vbr": ("bmshj2018-hyperprior-vbr", "mse", "cddd26be"),
    "mbt2018-mean-mse-vbr": ("mbt2018-mean-vbr", "mse", "45d095e9"),
    "mbt2018-mse-vbr": ("mbt2018-vbr", "mse", "f12581a1"),
}


@dataclass(frozen=True)
class Checkpoint:
    """One published checkpoint; quality 0 is variable rate."""

    architecture: str
    metric: str
    quality: int
    arguments: dict[str, Any]
    stem: str
    sha8: str

    @property
    def name(self) -> str:
        return "-".join([self.architecture, self.metric, *([str(self.quality)] if self.quality else [])])

    @property
    def file(self) -> str:
        return "-".join([self.stem, *([str(self.quality)] if self.quality else []), f"{self.sha8}.pth.tar"])

    @property
    def codec(self) -> dict[str, Any]:
        """The table [codec], as for `tinify.build`."""
        return {"kind": "codec", "name": self.architecture, **self.arguments}

    @property
    def weights(self) -> Weights:
        """Where its file is, or where it comes from. ConfigError where TINIFY_MIRROR is no URL."""
        root = os.environ.get(MIRROR) or ROOT
        if not root.startswith(("https://", "http://")):
            raise ConfigError(f"{MIRROR} is {root!r}; it must begin with https:// or http://")
        return Weights(_hub_folder(), self.file, self.sha8, f"{root.rstrip('/')}/{self.file}", "its name")

    @property
    def summary(self) -> str:
        rate = f"quality {self.quality}" if self.quality else "every rate"
        return f"image; CompressAI's weights, {rate}, trained for {self.metric.upper()}"


def checkpoints() -> dict[str, Checkpoint]:
    """All of them, by name."""
    found = []
    for stem, (architecture, metric, hashes) in _FILES.items():
        sizes = SIZES[architecture]
        for quality, sha8 in enumerate(hashes.split(), start=1):
            found.append(Checkpoint(architecture, metric, quality, sizes[quality - 1], stem, sha8))
    for stem, (architecture, metric, sha8) in _VARIABLE_FILES.items():
        found.append(Checkpoint(architecture, metric, 0, VARIABLE_SIZES[architecture], stem, sha8))
    return {checkpoint.name: checkpoint for checkpoint in found}


def _hub_folder() -> Path:
    home = os.environ.get("TORCH_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "torch"
    return Path(home) / "hub" / "checkpoints"
