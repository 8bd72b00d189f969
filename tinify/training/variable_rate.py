# SPDX-License-Identifier: Apache-2.0
"""Trains a codec of variable rate in two stages.

    codec = tinify.build("codec", "mbt2018-mean-vbr", N=128, M=192, vr_entbttlnck=True)
    for line in train(codec, crops, stages=(1_000_000, 200_000)): ...

Stage 1 is the codec of one rate, at the largest lambda, without gains. Stage 2 goes on from there with gains,
reconstruction offsets and, where the codec has one, the width of z's bins, at a rate drawn for each step: level l, and
lambda between those of the levels beside it.

Source: Kamisli, Racapé, Choi 2024, arXiv:2402.18930; differs from the paper in that a step has the gradient of one rate
that was drawn by chance, where the paper weighs those of several rates (multi-objective optimization).
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from tinify.losses import LAMBDAS, RateDistortionLoss
from tinify.models.image.vbr import VariableRate


def lmbda_at(level: float, lambdas: tuple[float, ...] = LAMBDAS["mse"]) -> float:
    """The weight of distortion of a level: in even ratios between those of the whole levels."""
    low = min(int(level), len(lambdas) - 2)
    return math.exp(math.log(lambdas[low]) + (level - low) * math.log(lambdas[low + 1] / lambdas[low]))


def train(
    codec: VariableRate,
    batches: Iterable[Tensor],
    stages: tuple[int, int],
    lr: float = 1e-4,
    aux_lr: float = 1e-3,
    seed: int = 0,
    clip_norm: float = 1.0,
) -> Iterator[dict[str, float]]:
    """Takes `stages` steps over batches (B, 3, H, W) in [0, 1]; gives the losses of each step, and trains as they are
    asked for. The codec is left in training mode."""
    codec.train()
    quantiles = [p for name, p in codec.named_parameters() if name.endswith(".quantiles")]
    network = [p for name, p in codec.named_parameters() if not name.endswith((".quantiles", "Gain"))]
    optimizer, aux_optimizer = torch.optim.Adam(network, lr), torch.optim.Adam(quantiles, aux_lr)
    draw, last = random.Random(seed), codec.level_count - 1
    for step, x in zip(range(sum(stages)), batches, strict=False):
        stage = 1 if step < stages[0] else 2
        level = float(last) if stage == 1 else draw.uniform(0, last)
        losses = RateDistortionLoss(lmbda_at(level))(codec(x, level, stage=stage), x)
        optimizer.zero_grad(set_to_none=True)
        losses["loss"].backward()
        if torch.isfinite(nn.utils.clip_grad_norm_(network, clip_norm)):
            optimizer.step()
        aux_optimizer.zero_grad(set_to_none=True)
        aux = codec.aux_loss()
        aux.backward()
        aux_optimizer.step()
        yield {"stage": stage, "level": level, "aux": aux.item(), **{k: v.item() for k, v in losses.items()}}
