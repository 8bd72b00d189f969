# SPDX-License-Identifier: Apache-2.0
"""The files of a run: whole or not there, at whatever moment a process ends."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from tinify.errors import ConfigError, InputError, OutputExistsError, WeightsError
from tinify.training.image.recipe import ImageRecipe

CHECKPOINT, BEST, LOG, RECIPE = "checkpoint.pt", "best.safetensors", "log.jsonl", "recipe.toml"
_FILES = (CHECKPOINT, BEST, LOG, RECIPE)


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """`write(part)` beside `path`, and onto its place when it is on the disk."""
    part = path.with_name(path.name + ".part")
    write(part)
    with open(part, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(part, path)


def prepare(
    folder: Path, recipe: ImageRecipe, resume: bool, overwrite: bool, text: str | None = None
) -> dict[str, Any] | None:
    """Makes the run folder, or takes one that is there, and puts the `text` of the recipe there; the state to go on
    from, None to begin.

    OutputExistsError where there is a run and neither `resume` nor `overwrite` says what to do with it. A run that
    ended before its first checkpoint begins anew."""
    found = [folder / name for name in _FILES if (folder / name).exists()]
    if resume:
        if not found:
            raise InputError(f"{folder}: there is no run to resume")
        state = load(folder, recipe) if (folder / CHECKPOINT).exists() else None
        _write_text(folder / RECIPE, text)
        return state
    if found and not overwrite:
        raise OutputExistsError(f"{folder} holds a run; --resume goes on with it, --overwrite begins anew")
    folder.mkdir(parents=True, exist_ok=True)
    for path in found:
        path.unlink()
    _write_text(folder / RECIPE, text)
    return None


def _write_text(path: Path, text: str | None) -> None:
    if text is not None:
        write_whole(path, lambda part: part.write_text(text, "utf-8"))


def save(folder: Path, recipe: ImageRecipe, state: dict[str, Any]) -> None:
    """Writes the checkpoint."""
    whole = {**state, "recipe": asdict(recipe)}
    write_whole(folder / CHECKPOINT, lambda part: torch.save(whole, part))


def save_weights(codec: nn.Module, path: Path) -> None:
    """Weights and tables as safetensors."""
    state = {key: value.contiguous() for key, value in codec.state_dict().items()}
    write_whole(path, lambda part: save_file(state, part))


def load(folder: Path, recipe: ImageRecipe) -> dict[str, Any]:
    """The state in the checkpoint. ConfigError where it is one of another codec."""
    path = folder / CHECKPOINT
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever its readers do
        raise WeightsError(f"{path} cannot be read: {error}") from error
    for key in sorted({*state["recipe"]["codec"], *recipe.codec}):
        old, new = state["recipe"]["codec"].get(key), recipe.codec.get(key)
        if old != new:
            raise ConfigError(f"codec.{key}: the run in {folder} has {old!r}, the recipe {new!r}")
    return state
