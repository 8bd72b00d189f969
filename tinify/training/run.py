# SPDX-License-Identifier: Apache-2.0
"""What training runs have in common: their start, their log, their weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from tinify import registry
from tinify.models.base import Codec


def start(recipe: Any, folder: Path) -> Codec:
    """Makes the run folder, sets threads and seed, and builds the codec that the recipe describes."""
    folder.mkdir(parents=True, exist_ok=True)
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    torch.manual_seed(recipe.seed)
    return registry.build_config({"kind": "codec", **recipe.codec}, path="codec")


def logger(folder: Path) -> Callable[[dict], None]:
    """A function that prints an entry and appends it to `log.jsonl`."""

    def log(entry: dict) -> None:
        line = json.dumps(entry)
        print(line, flush=True)
        with open(folder / "log.jsonl", "a", encoding="utf-8") as file:
            file.write(line + "\n")

    return log


def save_weights(codec: Codec, folder: Path) -> None:
    """Writes `weights.safetensors`."""
    save_file({key: value.contiguous() for key, value in codec.state_dict().items()}, folder / "weights.safetensors")
