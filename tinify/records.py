# SPDX-License-Identifier: Apache-2.0
"""What a codec returns: typed records that are also mappings, so `out.x_hat`, `out["x_hat"]` and `dict(out)` agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, eq=False)
class Record(Mapping[str, Any]):
    """A frozen dataclass that reads as a mapping from field name to value, in field order."""

    def __getitem__(self, key: str) -> Any:
        if key not in self.__dataclass_fields__:
            raise KeyError(key)
        return getattr(self, key)

    def __iter__(self) -> Iterator[str]:
        return (field.name for field in fields(self))

    def __len__(self) -> int:
        return len(self.__dataclass_fields__)


@dataclass(frozen=True, eq=False)
class ForwardOutput(Record):
    """`forward`: the reconstruction, and for each latent ("y", "z", ...) the probability of each of its elements."""

    x_hat: Any
    likelihoods: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class CompressOutput(Record):
    """`compress`: for each stream a list over the batch of byte strings, and the shape that `decompress` needs."""

    strings: list[list[bytes]]
    shape: Any


@dataclass(frozen=True, eq=False)
class DecompressOutput(Record):
    """`decompress`: the reconstruction."""

    x_hat: Any
