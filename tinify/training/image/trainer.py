# SPDX-License-Identifier: Apache-2.0
"""What a run is at a step: a codec, its average, two optimizers; and the way to the next step."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor

from tinify import registry
from tinify.errors import ConfigError
from tinify.models.image.base import ImageCodec
from tinify.ops.noise import shared_noise
from tinify.training.image.objective import Objective
from tinify.training.image.precision import compiled, in_bfloat16
from tinify.training.image.processes import Processes
from tinify.training.image.rates import Rates
from tinify.training.image.recipe import ImageRecipe, Optimizer

PARTS = ("codec", "average", "optimizer", "aux_optimizer")


def learning_rate(step: int, options: Optimizer) -> float:
    """Linear warm-up to `lr`, then as the schedule has it."""
    if step < options.warmup_steps:
        return options.lr * (step + 1) / options.warmup_steps
    if options.schedule == "constant":
        return options.lr
    if options.schedule == "steps":
        return options.lr * options.drop_factor ** sum(step >= drop for drop in options.drops)
    progress = (step - options.warmup_steps) / max(1, options.steps - options.warmup_steps)
    return options.final_lr + (options.lr - options.final_lr) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


class Trainer:
    """A codec, its averaged copy, two optimizers and the step they have reached.

    Randomness of a step (rates, crops, noise) follows from the recipe's seed and the step alone, so that a run that
    went on from a checkpoint is the run that was never interrupted. Noise is the same however many processes there are;
    a codec's own randomness, if it has any (dropout), is the same in all processes.
    """

    def __init__(self, recipe: ImageRecipe, among: Processes | None = None):
        torch.manual_seed(recipe.seed)
        self.recipe, self.among = recipe, among or Processes("cpu")
        self.codec = _built(recipe).to(self.among.device, memory_format=torch.channels_last).train()
        self.average = copy.deepcopy(self.codec).eval().requires_grad_(False)
        self.rates = Rates(self.codec, recipe.rate, recipe.seed)
        if recipe.precision == "bf16":
            in_bfloat16(self.codec, self.among.device.type)
        if recipe.compile:
            compiled(self.codec)
        self.objective = self.among.wrap(Objective(self.codec))
        learned = [(name, p) for name, p in self.codec.named_parameters() if p.requires_grad]
        network = [p for name, p in learned if not name.endswith(".quantiles")]
        auxiliary = [p for name, p in learned if name.endswith(".quantiles")]
        self.optimizer = torch.optim.Adam(network, lr=recipe.optimizer.lr, fused=True)
        self.aux_optimizer = torch.optim.Adam(auxiliary, lr=recipe.optimizer.aux_lr, fused=True) if auxiliary else None
        self.step = 0

    def train_step(self, crops: Tensor) -> dict[str, Tensor]:
        """One update from this process's share of a uint8 batch (B, 3, H, W); returns its losses, and `skipped`, 1
        where the gradient was not finite and no weight of the network was changed."""
        options = self.recipe.optimizer
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.step, options)
        torch.manual_seed(self.recipe.seed * 1_000_003 + self.step)
        with shared_noise(self.among.rank, self.among.count):
            losses = self.objective(crops.to(self.among.device, non_blocking=True), self.rates.of_step(self.step))
            (losses["loss"] + losses["aux"]).backward()
        skipped = self._clip(options.clip_norm)
        # The optimizer itself leaves everything as it is then: nobody has to wait for the number.
        self.optimizer.found_inf = skipped
        for optimizer in self._optimizers():
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self._follow(min(options.ema_decay, (1 + self.step) / (10 + self.step)))
        self.step += 1
        return {**{key: value.detach() for key, value in losses.items()}, "skipped": skipped}

    def _optimizers(self) -> list[torch.optim.Optimizer]:
        return [self.optimizer] + ([self.aux_optimizer] if self.aux_optimizer else [])

    @torch.no_grad()
    def _clip(self, limit: float) -> Tensor:
        """Scales the network's gradients to a norm of at most `limit` (0: any); 1 where it is not finite, else 0."""
        gradients = [p.grad for p in self.optimizer.param_groups[0]["params"] if p.grad is not None]
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        if limit:
            torch._foreach_mul_(gradients, (limit / (norm + 1e-6)).clamp(max=1.0))
        return (~torch.isfinite(norm)).float()

    @torch.no_grad()
    def _follow(self, decay: float) -> None:
        torch._foreach_lerp_(list(self.average.parameters()), list(self.codec.parameters()), 1 - decay)

    def state_dict(self) -> dict[str, Any]:
        """All that the next steps hang on, beside the recipe."""
        parts = {name: getattr(self, name).state_dict() for name in PARTS if getattr(self, name) is not None}
        return {**parts, "step": self.step}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name in PARTS:
            if getattr(self, name) is not None:
                getattr(self, name).load_state_dict(state[name])
        self.step = state["step"]


def _built(recipe: ImageRecipe) -> ImageCodec:
    codec = registry.build_config({"kind": "codec", **recipe.codec}, path="codec")
    if not isinstance(codec, ImageCodec):
        raise ConfigError(f"codec.name: {recipe.codec.get('name')!r} is no codec of networks for pictures")
    return codec
