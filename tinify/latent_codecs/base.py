# SPDX-License-Identifier: Apache-2.0
"""The contract of a latent codec, and what it returns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from tinify.errors import FormatError
from tinify.records import Record


@dataclass(frozen=True, eq=False)
class LatentForward(Record):
    """`forward` of a latent codec: probabilities by latent name, and the latent that the decoder will see."""

    likelihoods: Mapping[str, Tensor]
    y_hat: Tensor


@dataclass(frozen=True, eq=False)
class LatentStrings(Record):
    """`compress` of a latent codec: streams x batch byte strings, the shape for `decompress`, and the latent."""

    strings: list[list[bytes]]
    shape: Any
    y_hat: Tensor


@dataclass(frozen=True, eq=False)
class LatentValues(Record):
    """`decompress` of a latent codec."""

    y_hat: Tensor


class LatentCodec(nn.Module, ABC):
    """Quantizer, entropy model and coder for one latent; they nest.

    y (B, C, H, W) -> quantize -> symbols -> tables -> coder -> strings

    One whose networks choose tables in floating point, other than a `HyperLatentCodec`, has `is_portable = False`:
    files then say that they may not decode on another machine.
    """

    @abstractmethod
    def forward(self, y: Tensor, *args: Any) -> Any:
        """Probabilities and the latent that the decoder will see."""

    @abstractmethod
    def compress(self, y: Tensor, *args: Any) -> Any:
        """Strings, the shape that `decompress` needs, and the latent."""

    @abstractmethod
    def decompress(self, strings: list[list[bytes]], shape: Any, *args: Any, **kwargs: Any) -> Any:
        """The latent from its strings."""


def by_item(strings: list[list[bytes]]) -> list[list[bytes]]:
    """From streams of a string for each item to items of a string for each stream; FormatError where they differ."""
    if not strings or not strings[0] or any(len(stream) != len(strings[0]) for stream in strings):
        raise FormatError(f"streams of {[len(stream) for stream in strings]} strings: the file is damaged")
    return [list(item) for item in zip(*strings, strict=True)]


def only_stream(strings: list[list[bytes]]) -> list[bytes]:
    """The strings of a latent that has one stream; FormatError when a file holds another number of them."""
    if len(strings) != 1:
        raise FormatError(f"{len(strings)} streams where the codec writes one: the file is not of this codec")
    return strings[0]
