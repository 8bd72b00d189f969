# SPDX-License-Identifier: Apache-2.0
"""From a run to a zoo folder: weights as safetensors, and the codec.toml that names them with their hash.

    tinify train RECIPE.toml --data DIR --run runs/mine --export zoo/mine
    python -m tinify.training.export runs/mine zoo/mine --half
    python -m tinify.training.export runs/mine/checkpoint.pt zoo/mine

The last takes the weights of a file for the `train.toml` that is in the folder already. `--half` rounds the networks to
float16; tables and the distributions they came from stay as they are. Networks that choose tables are then made exact
(`tinify.quantize_entropy_path`), so that files decode on any machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from tinify import registry
from tinify.config import read_toml
from tinify.layers import GDN
from tinify.models.base import Codec
from tinify.models.entropy_path import can_be_exact, quantize_entropy_path
from tinify.training.image.checkpoint import BEST, CHECKPOINT, RECIPE


def export(weights: Path, folder: Path, half: bool = False, summary: str = "") -> Codec:
    """Writes `weights.safetensors` and `codec.toml` into a zoo folder; returns the codec as it will be loaded."""
    table = read_toml(folder / "train.toml")["codec"]
    codec: Codec = registry.build_config({"kind": "codec", **table})
    codec.load_state_dict(_read(weights))
    if half:
        _round_networks(codec)
    if can_be_exact(codec):
        quantize_entropy_path(codec)
    codec.update(force=weights.suffix == ".pt", update_quantiles=True)
    state = {key: _stored(tensor, half) for key, tensor in codec.state_dict().items()}
    save_file(state, folder / "weights.safetensors")
    (folder / "weights.safetensors").chmod(0o644)
    digest = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    lines = [f"summary = {_toml(summary)}"]
    lines += [f"requires = {_toml(list(codec.requires))}"] if codec.requires else []
    lines += ["", "[codec]", *(f"{key} = {_toml(value)}" for key, value in table.items())]
    lines += ["", "[weights]", 'file = "weights.safetensors"', f'sha256 = "{digest}"', ""]
    (folder / "codec.toml").write_text("\n".join(lines), "utf-8")
    codec.load_state_dict(state)
    return codec


def export_run(run: Path, folder: Path, half: bool = False, summary: str = "") -> Codec:
    """A zoo folder, made where it is not there, of a run of `tinify train`: its recipe, and its best weights where
    validation chose some, else the averaged ones."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.toml").write_bytes((run / RECIPE).read_bytes())
    best = run / BEST
    return export(best if best.exists() else run / CHECKPOINT, folder, half, summary)


def _read(weights: Path) -> dict[str, torch.Tensor]:
    if weights.suffix == ".safetensors":
        return load_file(weights)
    return torch.load(weights, weights_only=True)["average"]


@torch.no_grad()
def _round_networks(codec: Codec) -> None:
    """Weights of layers to the nearest float16; not those of entropy models, whose tables were learned with them."""
    for layer in codec.modules():
        if isinstance(layer, nn.modules.conv._ConvNd | nn.Linear | GDN):
            for weight in layer.parameters(recurse=False):
                weight.copy_(weight.half())


def _stored(tensor: torch.Tensor, half: bool) -> torch.Tensor:
    """With `half`, numbers as bits (masks) or in float16 where that loses nothing."""
    for kind in (torch.bool, torch.half) if half and tensor.is_floating_point() else ():
        if torch.equal(tensor.to(kind).to(tensor.dtype), tensor):
            return tensor.to(kind).contiguous()
    return tensor.contiguous()


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of a run, or its checkpoint.pt or weights.safetensors")
    parser.add_argument("folder", type=Path, help="the zoo folder")
    parser.add_argument("--half", action="store_true", help="networks in float16")
    parser.add_argument("--summary", default="", help="one line for `tinify models`")
    options = parser.parse_args()
    make = export_run if options.run.is_dir() else export
    make(options.run, options.folder, options.half, options.summary)


if __name__ == "__main__":
    main()
