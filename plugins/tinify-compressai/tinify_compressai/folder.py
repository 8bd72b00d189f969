# SPDX-License-Identifier: Apache-2.0
"""A checkpoint of CompressAI to a folder with codec.toml, which `--codec` takes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tinify import registry, zoo
from tinify.errors import ConfigError, InputError, OutputExistsError, WeightsError
from tinify_compressai.conversion import sizes_of

_PICTURES = ("bmshj2018", "mbt2018", "cheng2020", "elic2022")


def find(checkpoint: str, architecture: str | None = None) -> tuple[Path, str]:
    """(file, architecture) of a path, which needs the latter, or of a published checkpoint ("mbt2018-mean-mse-3").

    InputError where it is neither, ConfigError without an architecture, WeightsError where it cannot be fetched.
    """
    published = zoo.checkpoints().get(checkpoint)
    if published is not None and not Path(checkpoint).exists():
        return published.weights.path(progress=True), architecture or published.architecture
    if not Path(checkpoint).is_file():
        raise InputError(f"{checkpoint}: neither a file nor a published checkpoint, such as mbt2018-mean-mse-3")
    if architecture is None:
        raise ConfigError(f"{checkpoint}: of which model? --model mbt2018-mean, say")
    return Path(checkpoint), architecture


def write(checkpoint: Path, folder: Path, architecture: str, *, own: bool = False, force: bool = False) -> Any:
    """Writes codec.toml and weights.safetensors; gives the codec. `own`: for tinify's own codec of that name.

    WeightsError where the checkpoint does not fit the model, OutputExistsError unless `force`.
    """
    from safetensors.torch import save_file

    if folder.exists() and not force:
        raise OutputExistsError(f"{folder} exists; choose another folder, or --force to write into it")
    state = read(checkpoint)
    try:
        sizes = sizes_of(architecture, state) if architecture.startswith(_PICTURES) else {}
    except KeyError as error:
        raise WeightsError(f"{checkpoint} holds no {architecture}: {error} is missing") from error
    table = {"kind": "codec", "name": architecture if own else f"compressai-{architecture}", **sizes}
    codec = registry.build_config(table)
    codec.load_state_dict(state)
    codec.eval().update()
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / "weights.safetensors"
    save_file({key: value.contiguous() for key, value in codec.state_dict().items()}, weights)
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    lines = [f"summary = {json.dumps(f'{architecture}, from {checkpoint.name}')}"]
    if getattr(codec, "requires", ()):
        lines.append(f"requires = {json.dumps(list(codec.requires))}")
    lines += ["", "[codec]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    lines += ["", "[weights]", f'file = "{weights.name}"', f'sha256 = "{digest}"', ""]
    (folder / "codec.toml").write_text("\n".join(lines), "utf-8")
    return codec


def read(checkpoint: Path) -> dict[str, Any]:
    """The state dict in a checkpoint, under today's names. Reading it runs no code. WeightsError."""
    import torch
    from safetensors.torch import load_file

    try:
        found = load_file(checkpoint) if checkpoint.suffix == ".safetensors" else _unpickled(torch, checkpoint)
    except Exception as error:  # whatever damaged bytes make of an unpickler
        raise WeightsError(f"{checkpoint} is no file of tensors: {error}") from error
    if isinstance(found, Mapping) and isinstance(found.get("state_dict"), Mapping):
        found = found["state_dict"]  # what CompressAI's training script saves
    if not isinstance(found, Mapping) or not all(isinstance(value, torch.Tensor) for value in found.values()):
        raise WeightsError(f"{checkpoint} holds something else than tensors by name")
    return zoo.load_state_dict(found)


def _unpickled(torch: Any, checkpoint: Path) -> Any:
    return torch.load(checkpoint, map_location="cpu", weights_only=True)
