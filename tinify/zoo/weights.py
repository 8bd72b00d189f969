# SPDX-License-Identifier: Apache-2.0
"""Weights in files: where they are, what they must hash to, what is in them.

Fetched weights are kept in TINIFY_CACHE (default: the user's cache folder). With TINIFY_OFFLINE=1 nothing is fetched.
Reading weights runs no code: they are safetensors, or pickles of tensors only (`torch.load(weights_only=True)`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinify.errors import WeightsError
from tinify.zoo.download import fetch, sha256_of

if TYPE_CHECKING:
    from torch import Tensor

CACHE = "TINIFY_CACHE"
OFFLINE = "TINIFY_OFFLINE"


@dataclass(frozen=True)
class Weights:
    """Where a codec's weights are and what they must hash to: `sha256`, or its first digits, as `said_by` says."""

    folder: Path
    file: str
    sha256: str
    url: str = ""
    said_by: str = "codec.toml"

    @property
    def local(self) -> Path | None:
        """The file that is here already, in the folder or in the cache (its hash not yet checked)."""
        found = [path for path in (self.folder / self.file, self._cached) if path.is_file()]
        return found[0] if found else None

    @property
    def _cached(self) -> Path:
        prefix = self.sha256[:16]
        return cache_folder() / (self.file if prefix in self.file else f"{prefix}-{self.file}")

    def path(self, *, progress: bool = False) -> Path:
        """The verified file, fetched if need be. WeightsError when it cannot be had or has another hash."""
        path = self.local or self._fetch(progress)
        with open(path, "rb") as file:
            actual = sha256_of(file)
        if not actual.startswith(self.sha256):
            raise WeightsError(
                f"{path} has sha256 {actual}, and {self.said_by} says {self.sha256}; delete the file and get it again"
            )
        return path

    def _fetch(self, progress: bool) -> Path:
        if not self.url:
            raise WeightsError(
                f"{self.folder / self.file} is missing, and {self.said_by} gives no url to fetch it from"
            )
        if os.environ.get(OFFLINE, "") not in ("", "0"):
            raise WeightsError(
                f"the weights {self.file!r} are not here and {OFFLINE} is set; unset it, or "
                f"put {self.url} at {self._cached}"
            )
        fetch(self.url, self._cached, self.sha256, progress=progress)
        return self._cached


def cache_folder() -> Path:
    """Where fetched weights are kept."""
    if os.environ.get(CACHE):
        return Path(os.environ[CACHE])
    import pooch

    return Path(pooch.os_cache("tinify-codec"))


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors file, or of what torch.save wrote: a state dict, or a training's dict with one
    as "state_dict". Names are as `load_state_dict` gives them. WeightsError where it is neither."""
    import torch
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # SafetensorError, and whatever damaged bytes make of an unpickler
        raise WeightsError(f"{path} does not fit: it is no file of tensors: {error}") from error
    if isinstance(found, Mapping) and isinstance(found.get("state_dict"), Mapping):
        found = found["state_dict"]
    if not isinstance(found, Mapping) or not all(isinstance(value, torch.Tensor) for value in found.values()):
        raise WeightsError(f"{path} does not fit: it holds something else than tensors by name")
    return load_state_dict(found)


def load_state_dict(state_dict: Mapping[str, Any]) -> dict[str, Any]:
    """The same tensors under the names of today: without the `module.` of data-parallel training, `skip` for
    `downsample`, no unused `QuantOffset`. (The entropy bottleneck's old names are known to itself.) CompressAI's
    function of that name."""
    names = {key: re.sub(r"\.downsample\.", ".skip.", key.removeprefix("module.")) for key in state_dict}
    return {name: state_dict[key] for key, name in names.items() if name != "QuantOffset"}


@contextmanager
def fitting(path: Path, what: str) -> Iterator[None]:
    """Within it the weights read from `path` go into a codec; WeightsError where they are those of another one."""
    try:
        yield
    except (RuntimeError, LookupError, ValueError) as error:
        raise WeightsError(f"{path} does not fit {what} as it is described: {error}") from error
