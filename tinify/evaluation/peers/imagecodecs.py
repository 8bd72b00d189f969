# SPDX-License-Identifier: Apache-2.0
"""JPEG XL and High-Throughput JPEG 2000, peers of image codecs, by the libraries inside imagecodecs (extra `peers`)."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import torch

from tinify.evaluation.peers.base import Peer
from tinify.evaluation.peers.pillow import opened


def _library() -> Any:
    return import_module("imagecodecs")


def _jxl_distance(quality: float) -> float:
    """The distance that libjxl's own tool takes for a quality."""
    if quality >= 30:
        return 0.1 + (100 - quality) * 0.09
    return 53 / 3000 * quality**2 - 23 / 20 * quality + 25


def _jxl(picture: np.ndarray, **options: Any) -> bytes:
    common = {"effort": 7, "usecontainer": False, "numthreads": torch.get_num_threads()}
    return bytes(_library().jpegxl_encode(picture, **common, **options))


def _decode_jxl(data: bytes) -> np.ndarray:
    return np.asarray(_library().jpegxl_decode(data, numthreads=torch.get_num_threads()))


def _encode_htj2k(picture: np.ndarray, quality: float) -> bytes:
    """The quantization step, of samples in [0, 1], is 10^(-q / 20)."""
    return bytes(_library().htj2k_encode(picture, level=10 ** (-quality / 20), reversible=False))


# OpenJPEG decodes: imagecodecs' own decoder of these files lets samples beyond 0 and 255 wrap around.
IMAGECODECS = (
    Peer("jpegxl", "image", "imagecodecs", (5, 15, 30, 45, 60, 75, 85, 92, 96), "qualities from 0 to 100",
         lambda picture, quality: _jxl(picture, distance=_jxl_distance(quality), lossless=False), _decode_jxl,
         grid=[tenths / 10 for tenths in range(1001)], lossless=lambda picture: _jxl(picture, lossless=True),
         summary="JPEG XL by libjxl, effort 7"),
    Peer("htj2k", "image", "imagecodecs", (12, 16, 20, 24, 28, 32, 36, 40, 44), "-20 log10(step), from 0 to 60",
         _encode_htj2k, opened, grid=[tenths / 10 for tenths in range(601)],
         lossless=lambda picture: bytes(_library().htj2k_encode(picture, reversible=True)),
         summary="High-Throughput JPEG 2000 by OpenJPH"),
)  # fmt: skip
