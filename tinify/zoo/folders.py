# SPDX-License-Identifier: Apache-2.0
"""Pretrained codecs: listed, verified, fetched where need be, loaded.

They are in folders, core's and plugins', or published by others (`tinify.zoo.published`). A zoo folder holds
codec.toml, and weights.safetensors unless they are fetched:

    summary = "one line"
    requires = ["tinify-mine 0.1.0"]  # distributions with components that the codec is made of; export writes it
    [codec]                      # as for tinify.build
    kind = "codec"
    name = "mbt2018-mean"
    N = 64
    [weights]                    # none for a codec without learned weights
    file = "weights.safetensors" # the default
    sha256 = "..."
    url = "https://..."          # where to fetch them when they are not in the folder
    of = "photo-fast"            # instead of all these: those of another codec of the zoo

Weights are safetensors: loading them runs no code. Their hash is checked on every load.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from tinify import container, plugins, registry, requirements
from tinify.config import check_keys, read_toml
from tinify.errors import ConfigError, FormatError, PluginConflictError, UnknownComponentError
from tinify.hookspecs import ModelCard
from tinify.zoo.architectures import restore
from tinify.zoo.published import Checkpoint, checkpoints
from tinify.zoo.weights import Weights, cache_folder, fitting, read_state_dict

CODEC_FILE = "codec.toml"


@dataclass(frozen=True)
class Entry:
    """One pretrained codec, as its codec.toml describes it, or a published checkpoint."""

    name: str
    folder: Path
    summary: str
    codec: dict[str, Any]
    weights: Weights | None
    plugin: str = "tinify"
    checkpoint: Checkpoint | None = None
    requires: tuple[str, ...] = ()


def list_entries() -> list[Entry]:
    """Every codec of the zoo whose codec.toml is sound, by name; `tinify models` shows the others' faults."""
    entries = []
    for name in names():
        try:
            entries.append(find(name))
        except (ConfigError, PluginConflictError):
            continue
    return entries


def names() -> list[str]:
    """Names of all codecs in zoo folders, sound or not; those that are published elsewhere are `checkpoints()`."""
    return sorted(plugins.host().models)


def find(name: str) -> Entry:
    """The entry of that name, of a folder or published. UnknownComponentError with near names, PluginConflictError,
    ConfigError."""
    cards = plugins.host().models.get(name, [])
    if len(cards) > 1:
        owners = ", ".join(f"{card.plugin} ({card.path})" for card in cards)
        raise PluginConflictError(
            f"model {name!r} is claimed by {owners}; none is used. Next: `tinify plugins`, and uninstall one of them"
        )
    if not cards:
        return _published(name)
    return read_entry(cards[0].path, cards[0])


def _published(name: str) -> Entry:
    checkpoint = checkpoints().get(name)
    if checkpoint is None:
        raise UnknownComponentError(_unknown(name))
    return Entry(name, cache_folder(), checkpoint.summary, checkpoint.codec, checkpoint.weights, checkpoint=checkpoint)


def read_entry(folder: Path, card: ModelCard | None = None) -> Entry:
    """What a folder's codec.toml says; ConfigError with the key's path where it is wrong."""
    path = Path(folder) / CODEC_FILE
    table = read_toml(path)
    where = f"{path}: "
    check_keys(table, required=["codec"], optional=["summary", "licence", "requires", "weights"], where=where)
    if not isinstance(table["codec"], dict):
        raise ConfigError(f"{where}codec: expected a table")
    name = card.name if card else path.parent.resolve().name
    summary = table.get("summary") or (card.summary if card else "")
    weights = _weights(table["weights"], path.parent, where) if "weights" in table else None
    owner, requires = card.plugin if card else "", _requires(table.get("requires", []), where)
    return Entry(name, path.parent, summary, table["codec"], weights, owner, requires=requires)


def load(name: str | os.PathLike) -> Any:
    """The codec of a zoo name, of a published checkpoint ("mbt2018-mean-mse-3") or of a folder with codec.toml, with
    its weights, ready to use.

    Errors of `find`; WeightsError when the weights are missing, do not fit or have another hash.
    """
    entry = read_entry(Path(name)) if is_folder(name) else find(os.fspath(name))
    if entry.checkpoint:
        codec = _ready(restore(entry.checkpoint, progress=True))
    else:
        codec = _built(entry)
        if entry.weights:
            _load_weights(codec, entry.weights)
        registry.require(codec, [entry.plugin])
    codec.name = entry.name
    return codec


def _built(entry: Entry) -> Any:
    try:
        return registry.build_config(entry.codec, path=f"{entry.folder / CODEC_FILE}: codec")
    except UnknownComponentError as error:
        advice = requirements.advice(entry.requires)
        if not advice:
            raise
        step = f"{advice}, if you trust where the codec comes from"
        raise UnknownComponentError(f"codec {entry.name!r}: {step} ({error})") from error


def is_folder(name: str | os.PathLike) -> bool:
    """Whether a codec is named by a folder: a path object, or a string with a separator ("./mine"), so that a folder
    that happens to be here never stands in for a name of the zoo."""
    return not isinstance(name, str) or "/" in name or os.sep in name


def _requires(lines: Any, where: str) -> tuple[str, ...]:
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise ConfigError(f"{where}requires: {lines!r} is not a list of strings")
    try:
        container.check_requirements(lines)
    except FormatError as error:
        raise ConfigError(f"{where}requires: {error}") from error
    return tuple(lines)


def _weights(table: Any, folder: Path, where: str) -> Weights:
    if isinstance(table, dict) and "of" in table:
        check_keys(table, required=["of"], where=f"{where}weights")
        return _weights_of(table["of"], where)
    check_keys(table, required=["sha256"], optional=["file", "url"], where=f"{where}weights")
    file, sha256, url = table.get("file", "weights.safetensors"), table["sha256"], table.get("url", "")
    if not isinstance(file, str) or Path(file).name != file:
        raise ConfigError(f"{where}weights.file: {file!r} is not the name of a file in this folder")
    if not isinstance(sha256, str) or len(sha256) != 64 or set(sha256) - set("0123456789abcdef"):
        raise ConfigError(f"{where}weights.sha256: {sha256!r} is not 64 lower-case hexadecimal digits")
    if not isinstance(url, str) or (url and not url.startswith(("https://", "http://"))):
        raise ConfigError(f"{where}weights.url: {url!r} does not begin with https:// or http://")
    return Weights(folder, file, sha256, url, said_by=where.removesuffix(": "))


def _weights_of(name: Any, where: str) -> Weights:
    cards = plugins.host().models.get(name, []) if isinstance(name, str) else []
    folders = [Path(card.path) for card in cards]
    tables = [read_toml(folder / CODEC_FILE).get("weights") for folder in folders]
    if len(tables) != 1 or not isinstance(tables[0], dict) or "of" in tables[0]:
        raise ConfigError(f"{where}weights.of: {name!r} is no codec of the zoo with weights of its own")
    return _weights(tables[0], folders[0], where)


def _load_weights(codec: Any, weights: Weights) -> None:
    path = weights.path(progress=True)
    state_dict = read_state_dict(path)
    with fitting(path, type(codec).__name__):
        codec.load_state_dict(state_dict)
    _ready(codec)


def _ready(codec: Any) -> Any:
    import torch

    # Channels-last is what convolutions are fastest in on a CPU; other weights are not touched by it.
    return codec.to(memory_format=torch.channels_last).eval().requires_grad_(False)


def _unknown(name: str) -> str:
    known = [*names(), *checkpoints()]
    message = f"no pretrained codec named {name!r}"
    if any(row.name == name for row in registry.components("codec")):
        message += f": {name!r} is an architecture; tinify.build makes one with random weights"
    close = get_close_matches(name, known, n=3, cutoff=0.5)
    if close:
        message += f" (did you mean {' or '.join(map(repr, close))}?)"
    broken = plugins.host().broken_plugins()
    if broken:
        message += f". Not loaded, and so perhaps its owner: {', '.join(broken)}"
    return (
        f"{message}; run `tinify models` for the list, or give a codec file ('my.codec') "
        f"or a folder with {CODEC_FILE} ('./my-codec')"
    )
