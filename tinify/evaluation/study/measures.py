# SPDX-License-Identifier: Apache-2.0
"""What a study measures of one trained codec on one set."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch

from tinify.data.series import SeriesSet
from tinify.entropy_models.learned_prior import LearnedPrior
from tinify.evaluation.downstream import FORECAST_SETS, forecast_errors, motion_accuracy
from tinify.evaluation.fixed_rate import fp16, int8
from tinify.evaluation.series_curves import measure
from tinify.metrics.complexity import parameters, state_bytes
from tinify.models.base import Codec
from tinify.models.series.autoencoder import SeriesAutoencoder
from tinify.models.series.tokenizer import Tokenizer
from tinify.quantizers import VectorQuantizer

_PROXY_WINDOWS = 4000  # windows that fp16 and int8 are measured on, at most


def curve(codec: Codec, test: SeriesSet, qualities: list[float]) -> list[dict[str, float]]:
    """A point for each quality, from whole files. Speeds are of processor time."""
    return [measure(codec, test, quality, clock=time.process_time) for quality in qualities]


def nearest(points: list[dict[str, float]], target: float) -> float:
    """The quality whose NRMSE is next to `target`, as a ratio."""
    return min(points, key=lambda p: abs(np.log(max(p["nrmse"], 1e-9) / target)))["quality"]


def speed(codec: Codec, test: SeriesSet, quality: float, clock=time.process_time, repeats: int = 3) -> dict[str, float]:
    """Median MB/s of float32 both ways over `repeats`, after one that does not count."""
    runs = [measure(codec, test, quality, clock=clock) for _ in range(repeats + 1)][1:]
    names = ("encode_mb_s", "decode_mb_s")
    return {"quality": quality, "nrmse": runs[0]["nrmse"], **{n: float(np.median([r[n] for r in runs])) for n in names}}


def sizes(codec: Codec) -> dict[str, int]:
    """`learned`: numbers in networks, codebooks and networks of priors; `bytes`: all that is saved, tables too."""
    learned = parameters(codec)
    if isinstance(codec, Tokenizer):
        latent = codec.latent_codec
        learned += sum(stage.codebook.numel() for stage in latent.quantizer.stages if type(stage) is VectorQuantizer)
        learned += parameters(latent.prior.network()) if isinstance(latent.prior, LearnedPrior) else 0
    return {"learned": learned, "bytes": state_bytes(codec)}


@torch.no_grad()
def proxies(codec: Codec, test: SeriesSet) -> dict[str, list[dict[str, float]]] | None:
    """fp16 and int8 rates of an autoencoder's latents, by how many numbers of a vector are kept; None for others."""
    if not isinstance(codec, SeriesAutoencoder):
        return None
    x = torch.from_numpy(np.ascontiguousarray(test.windows(codec.window, codec.window))).flatten(0, 1)
    x = x[:: max(1, len(x) // _PROXY_WINDOWS)]
    kept = sorted({max(1, codec.latents * part // 8) for part in (1, 2, 4, 8)})
    found: dict[str, list[dict[str, float]]] = {}
    for name, rounded in (("fp16", fp16), ("int8", int8)):
        for count in kept:
            out = rounded(codec, x, count)
            error = float((out.x_hat - x).square().mean().sqrt())
            found.setdefault(name, []).append({"bits_per_value": out.bits, "nrmse": error})
    return found


def usefulness(codec: Codec, train: SeriesSet, test: SeriesSet, qualities: list[float]) -> list[dict[str, Any]]:
    """Forecasts, or motion classes from tokens, at some qualities; empty where the set has no such question."""
    if train.name in FORECAST_SETS:
        return [{"quality": q, **forecast_errors(codec, train, test, q)} for q in qualities]
    if train.labels is not None and isinstance(codec, Tokenizer):
        return [{"quality": q, **motion_accuracy(codec, train, test, q)} for q in qualities]
    return []
