# SPDX-License-Identifier: Apache-2.0
"""Trains a head that reads tokens, with or without the decoder, to be read from top to bottom.

    tinify train recipe.toml --data DIR --run runs/motion

1. The codec is built; its weights are read where the recipe names some. 2. `trains = "head"`: windows become tokens
once, and the head learns on them; "encoder": transform, quantizer and head learn the task together, nothing is
reconstructed; "codec": they learn with the decoder, on distortion + `weight` * the task's loss. The head reads tokens:
its embedding begins at the codes. 3. The run folder gets `log.jsonl`, `head.safetensors` and `weights.safetensors`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tinify.data.series import SeriesSet, read_series_sets
from tinify.errors import ConfigError
from tinify.models.series.heads import Classifier, Forecaster, TokenEmbedding, TokenHead
from tinify.models.series.tokenizer import Tokenizer
from tinify.training.run import logger, save_weights, start
from tinify.training.schedule import Schedule, cosine
from tinify.training.series import distortion

_TRAINS = ("head", "encoder", "codec")
_TASKS = ("classify", "forecast")
_LOOK_EVERY = 100


@dataclass(frozen=True)
class HeadData:
    """Windows of `rows` rows, `stride` apart, of one set of `folder` below the data folder."""

    set: str
    folder: str = "timeseries"
    rows: int = 256
    stride: int = 64
    batch_size: int = 64


@dataclass(frozen=True)
class HeadTask:
    """`task`: "classify" (the set's labels) or "forecast" (the `horizon` rows after a window). `trains`: "head",
    "encoder" or "codec"; `quality` is that of the tokens for "head"; `width` of the head's hidden layer, 0 for none."""

    task: str
    trains: str = "head"
    quality: float = 50.0
    weight: float = 1.0
    width: int = 0
    horizon: int = 32


@dataclass(frozen=True)
class HeadOptimizer:
    """Adam with a cosine decay to zero over `steps`, or over `minutes` of processor time where that ends sooner."""

    steps: int
    lr: float = 3e-3
    weight_decay: float = 1e-4
    minutes: float = 0.0


@dataclass(frozen=True)
class HeadRecipe:
    """The whole of it. `codec` is a table for `tinify.build`, `weights` a file of its weights, below the data folder
    or anywhere; none for an untrained codec."""

    codec: dict[str, Any]
    head: HeadTask
    data: HeadData
    optimizer: HeadOptimizer
    weights: str = ""
    seed: int = 0
    threads: int = 0

    def __post_init__(self) -> None:
        for key, value, allowed in (("trains", self.head.trains, _TRAINS), ("task", self.head.task, _TASKS)):
            if value not in allowed:
                raise ConfigError(f"head.{key}: {value!r}; allowed: {', '.join(allowed)}")


def examples(s: SeriesSet, recipe: HeadRecipe) -> tuple[Tensor, Tensor]:
    """Windows (N, C, rows) and what the head should say of them: labels (N,), or samples (N, C, horizon)."""
    data, task = recipe.data, recipe.head
    if task.task == "classify":
        labels = s.window_labels(data.rows, data.stride)
        return torch.from_numpy(s.windows(data.rows, data.stride).copy()), torch.from_numpy(labels)
    both = torch.from_numpy(s.windows(data.rows + task.horizon, data.stride).copy())
    return both[..., : data.rows], both[..., data.rows :]


def new_head(codec: Tokenizer, recipe: HeadRecipe, x: Tensor, target: Tensor) -> nn.Module:
    """The head that the task asks for, on vectors of the codec's size."""
    dim, task = codec.analysis.dim, recipe.head
    if task.task == "classify":
        return Classifier(x.shape[1], dim, int(target.max()) + 1, task.width)
    return Forecaster(recipe.data.rows // codec.patch, dim, task.horizon, task.width)


def task_loss(out: Tensor, target: Tensor) -> Tensor:
    """Cross entropy of logits and labels, or the squared error of samples."""
    return F.mse_loss(out, target) if target.is_floating_point() else F.cross_entropy(out, target)


def train_head(codec: Tokenizer, x: Tensor, target: Tensor, recipe: HeadRecipe, log) -> TokenHead:
    """`trains = "head"`: on tokens alone; the codec stays as it is."""
    codec.eval()
    tokens = codec.tokenize(x, recipe.head.quality)
    head = TokenHead(TokenEmbedding.of(codec.latent_codec.quantizer), new_head(codec, recipe, x, target))

    def loss(batch: np.ndarray) -> Tensor:
        return task_loss(head(tokens[batch]), target[batch])

    _descend(head, list(head.parameters()), loss, len(x), recipe, log)
    return head


def train_together(codec: Tokenizer, x: Tensor, target: Tensor, recipe: HeadRecipe, log) -> TokenHead:
    """`trains = "encoder"` or "codec": the head reads the quantized latents, through which its gradient passes."""
    latent, head = codec.latent_codec, new_head(codec, recipe, x, target)
    decoder = recipe.head.trains == "codec"
    part = {"analysis": codec.analysis, "quantizer": latent.quantizer, "head": head}
    learner = nn.ModuleDict({**part, "synthesis": codec.synthesis} if decoder else part).train()
    with torch.no_grad():  # codebooks get their start from one large batch
        latent.quantizer(codec.analysis(x[:: max(1, len(x) // 256)].flatten(0, 1)), codec.stages)

    def loss(batch: np.ndarray) -> Tensor:
        windows = x[batch].flatten(0, 1)
        out = latent.quantizer(codec.analysis(windows))
        total = recipe.head.weight * task_loss(head(out.y_hat.unflatten(0, x[batch].shape[:2])), target[batch])
        total = total + 0.1 * out.loss
        return total + distortion(windows, codec.synthesis(out.y_hat)) if decoder else total

    _descend(learner, list(learner.parameters()), loss, len(x), recipe, log)
    codec.eval()
    return TokenHead(TokenEmbedding.of(latent.quantizer), head).eval()


def _descend(
    module: nn.Module,
    parameters: list[nn.Parameter],
    loss: Callable[[np.ndarray], Tensor],
    count: int,
    recipe: HeadRecipe,
    log,
) -> None:
    options, random = recipe.optimizer, np.random.default_rng(recipe.seed)
    optimizer = torch.optim.AdamW(parameters, lr=options.lr, weight_decay=options.weight_decay)
    schedule = Schedule(options.steps, options.minutes)
    module.train()
    for step, share in schedule:
        for group in optimizer.param_groups:
            group["lr"] = options.lr * cosine(share)
        value = loss(random.integers(count, size=min(recipe.data.batch_size, count)))
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        optimizer.step()
        if step % _LOOK_EVERY == 0:
            log({"step": step, "loss": round(value.item(), 5), "seconds": round(schedule.passed(), 1)})
    module.eval()


@torch.no_grad()
def score(codec: Tokenizer, head: TokenHead, x: Tensor, target: Tensor, quality: float) -> float:
    """Accuracy, or the root mean square error of a forecast, of a head that reads tokens of a quality."""
    out = head.eval()(codec.eval().tokenize(x, quality))
    if target.is_floating_point():
        return float((out - target).square().mean().sqrt())
    return float((out.argmax(1) == target).float().mean())


def train(recipe: HeadRecipe, data: Path, run: Path) -> TokenHead:
    """Runs the recipe and writes the weights; returns the head."""
    codec: Tokenizer = start(recipe, run)
    if recipe.weights:
        path = Path(recipe.weights)
        codec.load_state_dict(load_file(path if path.is_file() else data / path))
    log = logger(run)
    splits = [read_series_sets(data / recipe.data.folder, name, [recipe.data.set])[0] for name in ("train", "test")]
    (x, target), test = (examples(split, recipe) for split in splits)
    head = (train_head if recipe.head.trains == "head" else train_together)(codec, x, target, recipe, log)
    name = "accuracy" if recipe.head.task == "classify" else "rmse"
    log({f"test_{name}": round(score(codec, head, *test, recipe.head.quality), 4)})
    save_weights(codec, run)
    save_file({key: value.contiguous() for key, value in head.state_dict().items()}, run / "head.safetensors")
    return head
