# SPDX-License-Identifier: Apache-2.0
"""One process, or one of several that train together (`torchrun -m tinify train ...`)."""

from __future__ import annotations

import os
import warnings
from typing import Any

import torch
from torch import Tensor, nn

from tinify.errors import MissingExtraError, TinifyError


class Processes:
    """The only process; on the device of that name, or the best there is."""

    rank, count = 0, 1

    def __init__(self, device: str | None = None):
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))

    def wrap(self, module: nn.Module) -> nn.Module:
        """A module whose gradients are the means over all processes."""
        return module

    def mean(self, tensor: Tensor) -> Tensor:
        """Over all processes."""
        return tensor

    def first(self, make: Any) -> Any:
        """What `make()` gives in the first process, in all of them; what it raises, too."""
        return make()

    def any(self, flag: bool) -> bool:
        """Whether it is set in one of them."""
        return flag

    def close(self) -> None:
        """Leaves the others."""


class AcceleratedProcesses(Processes):
    """One of several, over accelerate: gloo between CPUs, NCCL between GPUs.

    unused: some parameters may have no gradient in a step, which has to be looked for in each.
    """

    def __init__(self, device: str | None = None, unused: bool = False):
        try:
            from accelerate import Accelerator, DistributedDataParallelKwargs
        except ImportError as error:
            raise MissingExtraError(
                'several processes train over accelerate: pip install "tinify-codec[train]"'
            ) from error
        options = DistributedDataParallelKwargs(find_unused_parameters=unused, broadcast_buffers=False)
        on_cpu = device == "cpu" or not torch.accelerator.is_available()
        self.accelerator = Accelerator(cpu=on_cpu, kwargs_handlers=[options])
        self.device = self.accelerator.device
        self.rank, self.count = self.accelerator.process_index, self.accelerator.num_processes
        if self.count != (expected := world_size()):
            raise TinifyError(f"accelerate sees {self.count} processes, the environment (WORLD_SIZE) says {expected}")

    def wrap(self, module: nn.Module) -> nn.Module:
        with warnings.catch_warnings():
            # torch 2.13 renames an option that accelerate passes on by its old name.
            warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated", FutureWarning)
            return self.accelerator.prepare(module)

    def mean(self, tensor: Tensor) -> Tensor:
        return self.accelerator.reduce(tensor, "mean")

    def first(self, make: Any) -> Any:
        from accelerate.utils import broadcast_object_list

        made: list[Any] = [None]
        if self.rank == 0:
            try:
                made = [make()]
            except Exception as error:
                made = [error]
        broadcast_object_list(made)
        if isinstance(made[0], Exception):
            raise made[0]
        return made[0]

    def any(self, flag: bool) -> bool:
        return bool(self.mean(torch.tensor(float(flag), device=self.device)) > 0)

    def close(self) -> None:
        self.accelerator.end_training()


def world_size() -> int:
    """How many processes torchrun, or another launcher, says there are."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def processes(device: str | None = None, unused: bool = False) -> Processes:
    """As the environment has it."""
    if world_size() > 1:
        return AcceleratedProcesses(device, unused)
    return Processes(device)
