# SPDX-License-Identifier: Apache-2.0
"""Trains the float network of a learned token prior and rounds it into the prior."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tinify.entropy_models.learned_prior import LearnedPrior
from tinify.entropy_models.token_network import TokenNetwork
from tinify.errors import InputError


@dataclass(frozen=True)
class PriorTraining:
    """`steps` of Adam at most, or `minutes` of processor time; a batch is `batch_size` windows of `window` steps. The
    state that is best on the share `validation` of the sequences is kept; `patience` looks without a better one end the
    training."""

    steps: int = 1200
    minutes: float = 10.0
    batch_size: int = 32
    window: int = 128
    lr: float = 4e-3
    weight_decay: float = 1e-4
    corruption: float = 0.05
    smoothing: float = 0.02
    validation: float = 0.1
    look_every: int = 100
    patience: int = 4
    seed: int = 0


def train_prior(
    prior: LearnedPrior,
    tokens: np.ndarray | list[np.ndarray],
    options: PriorTraining | None = None,
    log: Callable[[dict], None] = lambda entry: None,
    network: TokenNetwork | None = None,
) -> TokenNetwork:
    """Trains on tokens (sequences, steps, levels used) and quantizes into `prior`; returns the float network.

    A list holds arrays with different numbers of levels or steps; each is drawn as often as it has tokens. `network`
    goes on from an earlier training. `log` gets a dict at each look. Deterministic for a seed and one thread.
    """
    options = options or PriorTraining()
    arrays = [torch.as_tensor(a, dtype=torch.int64) for a in (tokens if isinstance(tokens, list) else [tokens])]
    _check(prior, arrays)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        network = network or prior.network()
        held, kept = zip(*(_split(a, options.validation) for a in arrays), strict=True)
        _fit(network, list(kept), list(held), options, log)
    prior.fit(sum(prior.count(array.numpy()) for array in arrays))
    prior.quantize(network)
    return network


def _check(prior: LearnedPrior, arrays: list[Tensor]) -> None:
    for array in arrays:
        if array.dim() != 3 or not 1 <= array.shape[2] <= prior.levels or array.numel() == 0:
            raise InputError(f"tokens are {tuple(array.shape)}; expected (sequences, steps, up to {prior.levels})")
        if array.min() < 0 or array.max() >= prior.codebook_size:
            raise InputError(f"a token is outside the {prior.codebook_size} codes")


def _split(tokens: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """(for validation, for training): every n-th sequence is held back, where there are enough."""
    every = max(2, round(1 / share)) if share > 0 else len(tokens) + 1
    held = torch.arange(len(tokens)) % every == every - 1
    return (tokens[held], tokens[~held]) if held.any() else (tokens, tokens)


def _fit(network: TokenNetwork, kept: list[Tensor], held: list[Tensor], options: PriorTraining, log) -> None:
    optimizer = torch.optim.Adam(network.parameters(), lr=options.lr, weight_decay=options.weight_decay)
    weights = torch.tensor([float(a[..., 0].numel()) for a in kept])
    best, best_state, since, start, done = math.inf, None, 0, time.process_time(), 0.0
    for step in range(1, options.steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = options.lr * min(1.0, step / 50) * 0.5 * (1 + math.cos(math.pi * done))
        tokens = kept[int(torch.multinomial(weights, 1))]
        loss = network.nll(_batch(tokens, options), options.corruption, options.smoothing).sum(dim=-1).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        seconds = time.process_time() - start
        done = max(step / options.steps, seconds / 60 / options.minutes)
        if step % options.look_every == 0 or done >= 1:
            bits = validation_bits(network, held)
            log({"step": step, "loss": round(loss.item(), 4), "bits": round(bits, 4), "seconds": round(seconds, 1)})
            since = 0 if bits < best else since + 1
            if bits < best:
                best, best_state = bits, copy.deepcopy(network.state_dict())
        if done >= 1 or since >= options.patience:
            break
    if best_state is not None:
        network.load_state_dict(best_state)


@torch.no_grad()
def validation_bits(network: TokenNetwork, arrays: list[Tensor]) -> float:
    """Mean bits a token."""
    network.eval()
    bits = sum(network.nll(part).double().sum().item() for array in arrays for part in array.split(64))
    network.train()
    return bits / max(sum(array.numel() for array in arrays), 1)


def _batch(tokens: Tensor, options: PriorTraining) -> Tensor:
    """Random windows; half of them begin where a sequence does, as all do when coding."""
    size, steps = min(options.batch_size, 4 * len(tokens)), tokens.shape[1]
    rows = torch.randint(len(tokens), (size,))
    window = min(options.window, steps)
    first = torch.randint(steps - window + 1, (size,)) * (torch.rand(size) < 0.5)
    return tokens[rows[:, None], first[:, None] + torch.arange(window)]
