# SPDX-License-Identifier: Apache-2.0
"""Trains a series autoencoder (`tcrae`, `tcrae-seq`) from a recipe, to be read from top to bottom.

    tinify train zoo/tcrae-seq/train.toml --data DIR --run runs/tcrae-seq

1. Each window of a batch has a step of its own; the networks learn bits plus squared error, weighed as that step asks
for, at first with uniform noise in place of rounding, then with rounding for the decoder. One model, all rates.
2. Histograms of the latent are counted on the train splits. 3. Ranges for eight bits a number are chosen.
Ends after `steps` or `minutes` of processor time, whichever comes first. The run folder gets `log.jsonl` and
`weights.safetensors`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tinify.data.series import SeriesSet, SeriesWindows, read_series_sets
from tinify.entropy_models.scaled_histogram import BINS
from tinify.errors import InputError
from tinify.models.series.autoencoder import SeriesAutoencoder
from tinify.training.latent_density import LatentDensity
from tinify.training.run import logger, save_weights, start
from tinify.training.schedule import Schedule, cosine

_COARSEST = 8.0  # the step of rate 0; it halves every eight rates


@dataclass(frozen=True)
class TcraeData:
    """`folder` below the data folder; `sets` empty means all, each with the same share of a batch of windows."""

    folder: str = "timeseries"
    sets: list[str] = field(default_factory=list)
    batch_size: int = 32


@dataclass(frozen=True)
class TcraeOptimizer:
    """Adam, warmed up and with a cosine decay to zero at the end of the budget.

    `minutes` of processor time, all threads together; 0 means no limit.
    The bits count in full from the share `rate_from` of the budget on, before it in proportion: a decoder that has not
    learned anything yet would lose its latent to them. From `rounding_from` on the decoder sees rounded latents.
    Weights are averaged over time.
    """

    steps: int
    minutes: float = 0.0
    lr: float = 2e-3
    warmup_steps: int = 100
    clip_norm: float = 1.0
    rate_from: float = 0.0
    rounding_from: float = 0.4
    ema_decay: float = 0.998


@dataclass(frozen=True)
class TcraeRates:
    """Rates (see the codec) that training draws from, and at which histograms are chosen."""

    lowest: float = 8.0
    highest: float = 64.0
    chosen_at: list[int] = field(default_factory=lambda: [24, 40, 56])


@dataclass(frozen=True)
class TcraeHistograms:
    """At most `windows` windows a set are counted, in stretches of `item`; `rounds` of choice and count."""

    windows: int = 2000
    item: int = 8
    rounds: int = 8


@dataclass(frozen=True)
class TcraeRecipe:
    """The whole of it. `codec` is a table for `tinify.build`: kind, name and arguments."""

    codec: dict[str, Any]
    optimizer: TcraeOptimizer
    data: TcraeData = field(default_factory=TcraeData)
    rates: TcraeRates = field(default_factory=TcraeRates)
    histograms: TcraeHistograms = field(default_factory=TcraeHistograms)
    seed: int = 0
    threads: int = 0


def distortion(x: Tensor, x_hat: Tensor, step: Tensor) -> Tensor:
    """Squared error in bits a value, (N,) of x and x_hat (N, T).

    A bit is worth step^2 ln 2 / 6 of squared error, the slope of a fine quantizer. Where the error is above that of
    the quantizer, step^2 / 12, its logarithm counts, so that what a network cannot do yet does not drown the rest.
    """
    ratio = (x - x_hat).square().mean(dim=1) * 12 / step.square()
    return torch.where(ratio < 1, ratio, 1 + ratio.clamp(min=1).log()) / (2 * math.log(2))


def learning_rate(options: TcraeOptimizer, step: int, share: float) -> float:
    """At a step, counted from 1, when so much of the budget is over."""
    return options.lr * min(1.0, step / max(1, options.warmup_steps)) * cosine(share)


def train_networks(codec: SeriesAutoencoder, sets: list[SeriesSet], recipe: TcraeRecipe, log) -> None:
    """Step 1."""
    options, random = recipe.optimizer, torch.Generator().manual_seed(recipe.seed)
    samplers = [SeriesWindows([s], codec.window, recipe.seed + i) for i, s in enumerate(sets)]
    share = max(1, recipe.data.batch_size // len(sets))
    group = torch.arange(len(sets)).repeat_interleave(share)
    density = LatentDensity(len(sets), codec.latents)
    parameters = [p for p in (*codec.parameters(), *density.parameters()) if p.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=options.lr)
    average = [p.detach().clone() for p in parameters]
    schedule, totals = Schedule(options.steps, options.minutes), np.zeros(2)
    codec.train()
    for number, over in schedule:
        optimizer.param_groups[0]["lr"] = learning_rate(options, number, over)
        x = torch.cat([sampler.batch(share) for sampler in samplers])
        span = recipe.rates.highest - recipe.rates.lowest
        rate = recipe.rates.lowest + span * torch.rand(len(x), generator=random)
        step = _COARSEST * torch.exp2(-rate / 8)
        bits, error = _pass(codec, density, x, step, group, over >= options.rounding_from)
        optimizer.zero_grad(set_to_none=True)
        (bits * min(1.0, over / options.rate_from if options.rate_from else 1.0) + error).backward()
        torch.nn.utils.clip_grad_norm_(parameters, options.clip_norm)
        optimizer.step()
        torch._foreach_lerp_(average, [p.detach() for p in parameters], max(1 - options.ema_decay, 1 / number))
        totals += bits.item(), error.item()
        if number % 200 == 0:
            bits_mean, error_mean = (round(v / 200, 4) for v in totals)
            log({"step": number, "bits": bits_mean, "error": error_mean, "seconds": round(schedule.passed(), 1)})
            totals[:] = 0
    for parameter, mean in zip(parameters, average, strict=True):
        parameter.data.copy_(mean)


def _pass(codec, density, x: Tensor, step: Tensor, group: Tensor, rounding: bool) -> tuple[Tensor, Tensor]:
    y, width = codec.analysis(x), step.reshape(-1, 1, 1)
    noisy = y + (torch.rand_like(y) - 0.5) * width
    bits = density.bits(noisy, step, group).sum() / x.numel()
    y_hat = y + (torch.round(y / width) * width - y).detach() if rounding else noisy
    return bits, distortion(x, codec.synthesis(y_hat, step), step).mean()


@torch.no_grad()
def fit_histograms(codec: SeriesAutoencoder, sets: list[SeriesSet], recipe: TcraeRecipe, log) -> None:
    """Steps 2 and 3. Every set counts the same. Runs begin in the order of their power, then take the cheapest."""
    codec.eval()
    latent, prior, options = codec.latent_codec, codec.latent_codec.prior, recipe.histograms
    items = [_latents(codec, s, options) for s in sets]
    runs = [_runs(y, latent.run) for y in items]
    power = torch.cat([y.square().mean((2, 3)).flatten() for y in runs])
    edges = torch.quantile(power, torch.linspace(0, 1, prior.histograms + 1)[1:-1])
    chosen = [torch.searchsorted(edges, y.square().mean((2, 3))).numpy() for y in runs]
    for number in range(options.rounds + 1):
        counts = np.zeros((prior.histograms, prior.dims, BINS))
        transitions = np.zeros(prior.transitions.shape)
        for y, choice in zip(runs, chosen, strict=True):
            share = 1e5 / (len(items) * choice.size)
            for h in np.unique(choice):
                counts[h] += prior.count(y[torch.from_numpy(choice == h)].numpy()) * share / y.shape[2]
            np.add.at(transitions, (latent._before(choice), choice), share * 0.01)
        prior.fit(counts)
        prior.fit_transitions(transitions)
        chosen = [_choose(latent, y, recipe.rates.chosen_at) for y in items]
        bits = [np.mean([_bits(latent, y, rate) for rate in recipe.rates.chosen_at]) for y in items]
        log({"histogram_round": number, "bits_per_latent": round(float(np.mean(bits)), 4)})
    codec.ranges.copy_(best_ranges(items))


def _latents(codec: SeriesAutoencoder, s: SeriesSet, options: TcraeHistograms) -> Tensor:
    """y (items, L, latents) of stretches of `item` windows evenly taken from a set; whole runs of one histogram."""
    whole = math.lcm(codec.window, codec.latent_codec.run * codec.patch)
    pieces = [z for z in s.normalised() if len(z) >= whole]
    if not pieces:
        raise InputError(f"no recording of {s.name} has {whole} rows, which histograms are chosen for")
    length = whole * max(1, min(options.item * codec.window, *(len(z) for z in pieces)) // whole)
    rows = [z[: len(z) // length * length].T.reshape(-1, length) for z in pieces]
    x = torch.from_numpy(np.concatenate(rows))
    x = x[:: max(1, math.ceil(x.numel() / (options.windows * codec.window)))]
    return torch.stack([codec.analysis(part.reshape(-1, codec.window)).flatten(0, 1) for part in x])


def _runs(y: Tensor, run: int) -> Tensor:
    """y (items, runs, run, latents)."""
    return y.reshape(len(y), -1, run, y.shape[-1])


def _choose(latent, y: Tensor, rates: list[int]) -> np.ndarray:
    """The histogram that most of the rates prefer, for each run (items, runs)."""
    votes = np.stack([latent.choose(latent.quantize(y, rate), rate) for rate in rates])
    numbers = np.arange(latent.prior.histograms).reshape(-1, 1, 1, 1)
    return (votes == numbers).sum(axis=1).argmax(axis=0)


def _bits(latent, y: Tensor, rate: int) -> float:
    return -sum(torch.log2(p).sum().item() for p in latent(y, rate).likelihoods.values()) / y.numel()


def best_ranges(items: list[Tensor]) -> Tensor:
    """Ends (2, latents) of eight-bit scales with the least squared error over all items, each set counting the same."""
    flat = torch.cat([y.flatten(0, 1)[:: max(1, y[..., 0].numel() // 20000)] for y in items])
    best, least = None, torch.full((flat.shape[1],), math.inf)
    for outside in (0.0, 1e-4, 1e-3, 3e-3, 1e-2):
        ends = torch.quantile(flat, torch.tensor([outside / 2, 1 - outside / 2]), dim=0)
        scale = ((ends[1] - ends[0]) / 255).clamp(min=1e-6)
        restored = ends[0] + torch.round((flat - ends[0]) / scale).clamp(0, 255) * scale
        error = (restored - flat).square().mean(0)
        best = ends if best is None else torch.where(error < least, ends, best)
        least = torch.minimum(error, least)
    return best


def train(recipe: TcraeRecipe, data: Path, run: Path) -> SeriesAutoencoder:
    """Runs the recipe and writes the weights; returns the codec."""
    codec: SeriesAutoencoder = start(recipe, run)
    log = logger(run)
    sets = read_series_sets(data / recipe.data.folder, "train", recipe.data.sets)
    train_networks(codec, sets, recipe, log)
    save_weights(codec, run)
    fit_histograms(codec, sets, recipe, log)
    save_weights(codec, run)
    return codec
