# SPDX-License-Identifier: Apache-2.0
"""A codec in one file, `my.codec`, as `tinify fit` writes it: what to build, its weights, what it was made from.

    4 bytes   signature 89 54 4E 43 (\\x89TNC)
    1 byte    version, 1
    4 bytes   fingerprint of the codec
    3 x 4     little-endian lengths of three parts, which follow as one zlib stream:
    ...         codec.toml (UTF-8): the table [codec] for tinify.build; perhaps base, a codec of the zoo that has what
                is not among the weights
    ...         card (JSON): data, rows, channels, date, command, what was measured
    ...         weights (safetensors)
    4 bytes   CRC-32 (zlib's) of all bytes before it

Such files come from strangers, too: loading one runs no code of theirs, inflates no more than MAX_WEIGHTS and a little,
and compares what is declared with the weights that are there before anything of that size is allocated.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from tinify import registry, zoo
from tinify.config import check_keys, parse_toml
from tinify.errors import ConfigError, FormatError, InputError, LimitError, TinifyError, WeightsError

EXTENSION = ".codec"
MAGIC, VERSION = b"\x89TNC", 1
MAX_TOML, MAX_CARD, MAX_WEIGHTS = 1 << 16, 1 << 20, 1 << 26
PORTABLE = ("series-mixing",)
"""Architectures that a codec file may hold: those whose arguments are numbers, and few."""
_MAX_NUMBER, _MAX_ITEM, _MAX_ITEMS = 1 << 20, 1 << 10, 16
_HEAD = struct.Struct("<4sB4sIII")
_CRC, _ZLIB = 4, 64  # bytes; the second, what a stream may have beyond what it holds
_STATE = ".state"


@dataclass(frozen=True)
class CodecFile:
    """What a codec file holds: the table for `tinify.build`, the card, and safetensors bytes, not yet looked at."""

    table: dict[str, Any]
    base: str
    card: dict[str, Any]
    fingerprint: bytes
    weights: bytes


def is_named(name: str | os.PathLike[str]) -> bool:
    """Whether a codec is named by a codec file ("my.codec"); no name of the zoo ends so."""
    return os.fspath(name).endswith(EXTENSION) and not os.path.isdir(name)


def pack(codec: Any, table: dict[str, Any], card: dict[str, Any], base: str = "") -> bytes:
    """The codec file of a codec that `table` ("kind", "name", arguments) describes. ConfigError, LimitError.

    With a `base` the coders' states are left out: they must be those of that codec of the zoo.
    """
    from safetensors.torch import save

    _check_table(table, base)
    text = f"base = {json.dumps(base)}\n" if base else ""
    text += "[codec]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
    state = codec.state_dict().items()
    weights = save({key: value.contiguous() for key, value in state if not (base and key.endswith(_STATE))})
    parts = [text.encode(), json.dumps(card, ensure_ascii=False).encode(), weights]
    _check_lengths([len(part) for part in parts])
    data = _HEAD.pack(MAGIC, VERSION, codec.fingerprint(), *map(len, parts)) + zlib.compress(b"".join(parts), 9)
    return data + zlib.crc32(data).to_bytes(_CRC, "little")


def unpack(data: bytes) -> CodecFile:
    """Undoes `pack`, all but the building. FormatError (damaged, something else), LimitError, ConfigError."""
    fingerprint, lengths = _head(data[: _HEAD.size], len(data))
    if int.from_bytes(data[-_CRC:], "little") != zlib.crc32(memoryview(data)[:-_CRC]):
        raise FormatError("the codec file does not match its CRC: it is damaged or cut off")
    whole = _inflated(memoryview(data)[_HEAD.size : -_CRC], sum(lengths))
    parts = [whole[end - length : end] for end, length in zip(accumulate(lengths), lengths, strict=True)]
    try:
        text, card = parts[0].decode("utf-8"), json.loads(parts[1])
    except (ValueError, RecursionError) as error:
        raise FormatError(f"the codec file has no readable description: {error}") from None
    if not isinstance(card, dict):
        raise FormatError("the card of the codec file is not a table")
    table = parse_toml(text, "codec.toml")
    check_keys(table, required=["codec"], optional=["base"], where="codec.toml: ")
    base = table.get("base", "")
    _check_table(table["codec"], base)
    return CodecFile(table["codec"], base, card, fingerprint, parts[2])


def read(path: str | os.PathLike[str]) -> CodecFile:
    """The codec file at `path`; its errors begin with the path. InputError when it cannot be read."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(_HEAD.size)
            _head(head, size)
            return unpack(head + file.read(size - len(head)))
    except OSError as error:
        raise InputError(f"{os.fspath(path)}: {error.strerror or error}") from error
    except TinifyError as error:
        raise type(error)(f"{os.fspath(path)}: {error}") from error


def describe(data: bytes) -> dict[str, Any]:
    """What a codec file says of itself, as values that JSON can hold; all checks of `unpack`, nothing is built."""
    file = unpack(data)
    described = {"format": "codec", "version": VERSION, "bytes": len(data), "fingerprint": file.fingerprint.hex()}
    return described | {"codec": file.table, "base": file.base, "weights_bytes": len(file.weights), "card": file.card}


def build(file: CodecFile, name: str = "") -> Any:
    """The codec in the file, ready to use. WeightsError when its weights do not fit or are unsound."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        state = load(file.weights) | _states_of(file.base)
        with torch.device("meta"):  # shapes without memory: what is declared must be what is there
            expected = registry.build_config(file.table, path="codec").state_dict()
        _check_shapes(expected, state)
        codec = registry.build_config(file.table, path="codec")
        codec.load_state_dict(state)
    except (SafetensorError, RuntimeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, TinifyError):
            raise
        raise WeightsError(f"the weights do not fit what the codec file describes: {error}") from None
    codec.eval().requires_grad_(False)
    codec.name = name or zoo.CODEC_FILE
    if codec.fingerprint() != file.fingerprint:
        raise WeightsError(f"the weights have another fingerprint than the codec file says{_other_base(file)}")
    _try(codec, file.table)
    return codec


def load(path: str | os.PathLike[str]) -> Any:
    """The codec of a codec file; its name, which `.tnf` files record, is that of the file. Errors: `read`, `build`."""
    file = read(path)
    try:
        return build(file, recorded_name(path))
    except TinifyError as error:
        raise type(error)(f"{os.fspath(path)}: {error}") from error


def recorded_name(path: str | os.PathLike[str]) -> str:
    """What `.tnf` files say of the codec file at `path`: the end of its name, at most 64 printable ASCII characters."""
    name = Path(path).name[-64:]
    return "".join(character if character.isascii() and character.isprintable() else "?" for character in name)


def _head(head: bytes, size: int) -> tuple[bytes, tuple[int, ...]]:
    if head[: len(MAGIC)] != MAGIC[: len(head)]:
        raise FormatError("this is not a codec file: it does not begin with the signature of one")
    if size < _HEAD.size + _CRC:
        raise FormatError(f"the codec file ends after {size} bytes, inside its head: it is cut off")
    _, version, fingerprint, *lengths = _HEAD.unpack(head)
    if version != VERSION:
        raise FormatError(f"the codec file is of version {version} and this tinify reads {VERSION}: upgrade tinify")
    _check_lengths(lengths)
    if size > _HEAD.size + sum(lengths) + sum(lengths) // 1000 + _ZLIB + _CRC:
        raise FormatError(f"the codec file has {size} bytes and declares parts of {sum(lengths)}")
    return fingerprint, tuple(lengths)


def _inflated(data: memoryview, size: int) -> bytes:
    inflate = zlib.decompressobj()
    try:
        whole = inflate.decompress(data, size + 1)
    except zlib.error as error:
        raise FormatError(f"the parts of the codec file cannot be inflated: {error}") from None
    if len(whole) != size or not inflate.eof or inflate.unused_data:
        raise FormatError(f"the parts of the codec file are not the {size} bytes that it declares")
    return whole


def _check_lengths(lengths: list[int]) -> None:
    parts = zip(("codec.toml", "card", "weights"), lengths, (MAX_TOML, MAX_CARD, MAX_WEIGHTS), strict=True)
    for what, length, most in parts:
        if length > most:
            raise LimitError(f"the {what} of a codec file has {length} bytes; at most {most} are allowed")


def _states_of(base: str) -> dict[str, Any]:
    if not base:
        return {}
    zoo.find(base)  # a codec of the zoo, never a folder
    return {key: value for key, value in zoo.load(base).state_dict().items() if key.endswith(_STATE)}


def _other_base(file: CodecFile) -> str:
    if not file.base:
        return ": it was not made by tinify fit"
    made = str(file.card.get("tinify", "that made it"))[:32]
    return (
        f": this tinify's {file.base!r} is not the one that it builds on. Files made with it are read by "
        f"tinify {made!r}; for new ones fit the codec again"
    )


def _check_table(table: Any, base: Any) -> None:
    check_keys(table, required=["kind", "name"], optional=table if isinstance(table, dict) else (), where="codec")
    if not isinstance(base, str) or (base and base not in PORTABLE):
        raise ConfigError(f"base is {base!r}; a codec file may build on {', '.join(PORTABLE)}")
    if table["kind"] != "codec" or table["name"] not in PORTABLE:
        raise ConfigError(f"codec.name is {table['name']!r}; a codec file may hold {', '.join(PORTABLE)}")
    for key, value in table.items():
        items, most = (value, _MAX_ITEM) if isinstance(value, list) else ([value], _MAX_NUMBER)
        numbers = all(type(item) is int and 0 <= item <= most for item in items) and len(items) <= _MAX_ITEMS
        if key not in ("kind", "name") and not numbers:
            raise LimitError(
                f"codec.{key}: allowed are a number up to {_MAX_NUMBER}, or {_MAX_ITEMS} up to {_MAX_ITEM}"
            )


def _check_shapes(expected: dict[str, Any], state: dict[str, Any]) -> None:
    if expected.keys() != state.keys():
        raise WeightsError(f"the weights have other names: {', '.join(sorted(expected.keys() ^ state.keys())[:5])}")
    for key, wanted in expected.items():
        found = state[key]
        # What is empty in a new codec has the size that training gave it.
        fits = found.shape == wanted.shape if wanted.numel() else found.dim() == wanted.dim()
        if not fits or found.dtype != wanted.dtype:
            raise WeightsError(
                f"{key} is {tuple(found.shape)} of {found.dtype}, not {tuple(wanted.shape)} of {wanted.dtype}"
            )
        if not found.isfinite().all():
            raise WeightsError(f"{key} has numbers that are not finite")


def _try(codec: Any, table: dict[str, Any]) -> None:
    """A short series there and back: tables that no coder takes come out here, not in the middle of somebody's data."""
    import numpy as np

    from tinify.signal import Signal

    try:
        with np.errstate(all="ignore"):
            x = np.linspace(-1, 1, 8, dtype=np.float32)[:, None].repeat(table.get("channels") or 1, axis=1)
            sound = bool(np.isfinite(codec.unpack(codec.pack(Signal(codec.modality, x))).samples).all())
    except Exception as error:  # whatever the codec stumbles over
        raise WeightsError(f"the codec cannot code with its weights: {type(error).__name__}: {error}") from None
    if not sound:
        raise WeightsError("the codec's weights are not finite numbers")
