# SPDX-License-Identifier: Apache-2.0
"""Trains the tokenizer codec from a recipe, to be read from top to bottom.

    tinify train zoo/tokenizer/train.toml --data DIR --run runs/tokenizer

1. Codebooks start by k-means on one large batch of DCT patches. 2. Networks and codebooks are trained together on the
squared error with a random number of stages a step, and with a `rate_weight` tokens are chosen by their bits, too.
3. The prior is counted or, if it is a network, trained on the tokens of the train splits, chosen with the bits of the
prior before it, twice. The run folder gets `log.jsonl` and `weights.safetensors`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tinify.data.series import SeriesSet, SeriesWindows, read_series_sets
from tinify.entropy_models.learned_prior import LearnedPrior
from tinify.models.series.tokenizer import Tokenizer
from tinify.training.run import logger, save_weights, start
from tinify.training.schedule import Schedule, cosine
from tinify.training.token_prior import PriorTraining, train_prior
from tinify.training.token_rates import TokenRates

_MANY_STEPS = 10_000_000  # minutes end the training


@dataclass(frozen=True)
class SeriesData:
    """`folder` below the data folder; `sets` empty means all. `window` in samples."""

    folder: str = "timeseries"
    sets: list[str] = field(default_factory=list)
    window: int = 512
    batch_size: int = 64
    first_batch_size: int = 1024


@dataclass(frozen=True)
class SeriesOptimizer:
    """Adam with a cosine decay to zero over `steps`, or over `minutes` of processor time where that ends sooner (0: no
    limit). `rate_weight` is what bits count in the choice of tokens, as in `Tokenizer.rate_of`; it rises from 0."""

    steps: int
    lr: float = 1e-3
    clip_norm: float = 1.0
    minutes: float = 0.0
    rate_weight: float = 0.0


@dataclass(frozen=True)
class SeriesPrior:
    """What the prior is made from: at most `patches` patches a set, at these qualities, `rounds` times; a network is
    trained for `minutes` of processor time in all."""

    qualities: list[float] = field(default_factory=lambda: [30.0, 60.0, 100.0])
    patches: int = 60000
    rounds: int = 2
    minutes: float = 4.0


@dataclass(frozen=True)
class SeriesRecipe:
    """The whole of it. `codec` is a table for `tinify.build`: kind, name and arguments."""

    codec: dict[str, Any]
    optimizer: SeriesOptimizer
    data: SeriesData = field(default_factory=SeriesData)
    prior: SeriesPrior = field(default_factory=SeriesPrior)
    seed: int = 0
    threads: int = 0


def distortion(x: torch.Tensor, x_hat: torch.Tensor, more: torch.Tensor | float = 0.0) -> torch.Tensor:
    """Mean over windows (B, T) of the squared error, each weighed down by the root of its size, so that neither quiet
    nor wild windows are all that counts. `more` (B,) is added to the errors before they are weighed."""
    error = (x - x_hat).square().mean(dim=1)
    return ((error + more) / (error.detach() + 1e-3).sqrt()).mean()


def train_networks(codec: Tokenizer, windows: SeriesWindows, recipe: SeriesRecipe, log) -> None:
    """Steps 1 and 2."""
    options, schedule = recipe.optimizer, Schedule(recipe.optimizer.steps, recipe.optimizer.minutes)
    codec.train()
    with torch.no_grad():  # every stage sees the first batch, and so every codebook gets its start
        codec.latent_codec.quantizer(codec.analysis(windows.batch(recipe.data.first_batch_size)), codec.stages)
    # A transform without parameters has none to offer; codebooks follow the data all the same.
    optimizer = torch.optim.Adam([*codec.parameters()] or [torch.zeros(())], lr=options.lr)
    rates, total, steps = TokenRates(codec.latent_codec.quantizer, options.rate_weight), 0.0, 0
    for step, share in schedule:
        for group in optimizer.param_groups:
            group["lr"] = options.lr * cosine(share)
        loss = step_loss(codec, windows.batch(recipe.data.batch_size), rates, share)
        if loss.requires_grad:
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(codec.parameters(), options.clip_norm)
            optimizer.step()
        total, steps = total + loss.item(), steps + 1
        if step % 200 == 0:
            log({"step": step, "loss": round(total / 200, 5), "seconds": round(schedule.passed(), 1)})
            total, steps = 0.0, 0
    if steps:
        log({"step": schedule.step, "loss": round(total / steps, 5), "seconds": round(schedule.passed(), 1)})


def step_loss(codec: Tokenizer, x: torch.Tensor, rates: TokenRates, share: float) -> torch.Tensor:
    """Of one batch x (B, T), in a random number of stages, when `share` of the training is over."""
    quantizer, y = codec.latent_codec.quantizer, codec.analysis(x)
    stages = quantizer.draw(None)
    lmbda = rates.lmbda(quantizer, y, stages, share)
    out = quantizer(y, stages, rates.bits() if lmbda else None, lmbda)
    rates.follow(out.symbols)
    # A quantizer whose bits have a gradient pays for them like for error; another has chosen its tokens by them.
    bits = 0.0 if out.bits is None else lmbda / codec.patch * out.bits.mean(dim=1)
    return distortion(x, codec.synthesis(out.y_hat), bits) + 0.1 * out.loss


def fit_prior(codec: Tokenizer, sets: list[SeriesSet], recipe: SeriesRecipe, log) -> None:
    """Step 3."""
    codec.eval()
    learned = isinstance(codec.latent_codec.prior, LearnedPrior)
    (_train_prior if learned else _count_prior)(codec, sets, recipe, log)


def _train_prior(codec: Tokenizer, sets: list[SeriesSet], recipe: SeriesRecipe, log) -> None:
    """On tokens at all qualities; each set has as many as its patches, up to the recipe's."""
    network, latent = None, codec.latent_codec
    blocks = [_sequences(s, codec.patch, recipe.prior.patches, codec.sequence_steps) for s in sets]
    for number in range(recipe.prior.rounds):
        tokens = []
        with torch.no_grad():
            for y, quality in ((codec.analysis(x), quality) for x in blocks for quality in recipe.prior.qualities):
                stages, weight = codec.rate_of(quality)
                tokens.append(latent.tokenize(y, stages, weight * codec._error(y, stages) if number else 0.0))
        minutes = recipe.prior.minutes / recipe.prior.rounds
        options = PriorTraining(_MANY_STEPS, minutes, patience=_MANY_STEPS, seed=recipe.seed + number)
        network = train_prior(latent.prior, tokens, options, log, network)


@torch.no_grad()
def _count_prior(codec: Tokenizer, sets: list[SeriesSet], recipe: SeriesRecipe, log) -> None:
    """Every set counts the same."""
    latent = codec.latent_codec
    blocks = [_sequences(s, codec.patch, recipe.prior.patches) for s in sets]
    for number in range(recipe.prior.rounds + 1):
        counts, bits = np.zeros((latent.prior.rows, latent.prior.codebook_size)), 0.0
        for x in blocks:
            y = codec.analysis(x)
            for quality in recipe.prior.qualities:
                stages, weight = codec.rate_of(quality)
                # The first round has no prior to weigh bits with.
                tokens = latent.tokenize(y, stages, weight * codec._error(y, stages) if number else 0.0)
                counts += latent.prior.count(tokens.numpy()) * (1e5 / (len(blocks) * tokens[..., 0].numel()))
                bits += -torch.log2(latent.likelihoods(tokens)).sum().item() / x.numel()
        latent.prior.fit(counts)
        mean = bits / len(blocks) / len(recipe.prior.qualities)
        log({"prior_round": number, "bits_per_value_before": round(mean, 4)})


def _sequences(s: SeriesSet, patch: int, patches: int, steps: int = 128) -> torch.Tensor:
    length = steps * patch
    pieces = s.normalised()
    length = min(length, min(map(len, pieces)) // patch * patch)
    rows = [z[: len(z) // length * length].T.reshape(-1, length) for z in pieces]
    x = np.concatenate(rows)
    return torch.from_numpy(x[:: max(1, len(x) * steps // patches)].copy())


def train(recipe: SeriesRecipe, data: Path, run: Path) -> Tokenizer:
    """Runs the recipe and writes the weights; returns the codec."""
    codec: Tokenizer = start(recipe, run)
    log = logger(run)
    sets = read_series_sets(data / recipe.data.folder, "train", recipe.data.sets)
    train_networks(codec, SeriesWindows(sets, recipe.data.window, recipe.seed), recipe, log)
    save_weights(codec, run)
    fit_prior(codec, sets, recipe, log)
    save_weights(codec, run)
    return codec
