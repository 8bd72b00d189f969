# SPDX-License-Identifier: Apache-2.0
"""The contract of a prior over tokens, and what all share: integer frequencies of the codes."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tinify.errors import ConfigError, FormatError, InputError

_TOTAL = 1 << 16
_SHIFT = 32769
_SLACK = 16  # bytes that a coder may hold without having written them


class TokenPrior(nn.Module, ABC):
    """Probabilities of tokens in `levels` levels of `codebook_size` codes each, as integers.

        tokens (sequences, steps, levels used) -> encode -> string -> decode -> tokens

    `frequencies` (rows, codebook_size) are saved with the weights: int16, a share of 65536 in [1, 65535] less 32769, so
    that a table has every code at least once. What a row stands for is the prior's own: `row` says. A learned prior has
    one for each level, whatever came before, which serves where its network would be too slow.
    """

    frequencies: Tensor
    stepwise: bool = False
    """Whether the bits of a token need all tokens before it, and so `rates` to choose tokens by."""

    def __init__(self, levels: int, codebook_size: int):
        super().__init__()
        if levels < 1 or not 1 <= codebook_size <= 4096:
            raise ConfigError(f"{levels} levels of {codebook_size} codes; allowed: at least 1 level, 1 to 4096 codes")
        self.levels, self.codebook_size = int(levels), int(codebook_size)
        even = (_TOTAL - 1) // self.codebook_size
        shares = torch.full((self.rows, self.codebook_size), even - _SHIFT, dtype=torch.int16)
        self.register_buffer("frequencies", shares)

    @abstractmethod
    def encode(self, tokens: np.ndarray, coder: Any) -> bytes:
        """The string of integer tokens (sequences, steps, levels used); `coder` codes integers under tables."""

    @abstractmethod
    def decode(
        self, string: bytes, shape: tuple[int, int, int], coder: Any, sequences: slice | None = None
    ) -> np.ndarray:
        """Tokens, int64, of a string of `encode`; of some sequences only, where `sequences` (step 1) says which.
        FormatError or DesyncError where the string does not hold them under this prior."""

    @abstractmethod
    def token_bits(self, tokens: np.ndarray) -> np.ndarray:
        """Bits that each token costs, float32, in the shape of tokens (sequences, steps, levels used)."""

    def choose(self, y: np.ndarray, codebooks: list[np.ndarray], lmbda: float) -> tuple[np.ndarray, bytes] | None:
        """Tokens (sequences, steps, levels used), int64, of vectors y (sequences, steps, dim), and their string: by a
        codebook (codes, dim) for each level used, the least |rest - c|^2 + lmbda * bits, one after the other. None
        where the prior has no fast way."""
        return None

    @property
    @abstractmethod
    def rows(self) -> int:
        """How many tables there are."""

    @abstractmethod
    def row(self, level: int, context: np.ndarray) -> np.ndarray:
        """Table numbers, int32, for tokens of a level with these contexts (any shape, the same back)."""

    @abstractmethod
    def count(self, tokens: np.ndarray) -> np.ndarray:
        """Counts (rows, codebook_size) of tokens (sequences, steps, levels used), to be added up and given to `fit`."""

    @abstractmethod
    def fit(self, counts: np.ndarray) -> None:
        """Takes the frequencies from counts (rows, codebook_size) of training tokens."""

    def check_shape(self, shape: tuple[int, int, int]) -> None:
        """FormatError where no tokens of this prior have this shape."""
        fits = len(shape) == 3 and min(shape) >= 0 and 1 <= shape[2] <= self.levels and math.prod(shape) < 1 << 31
        if not fits:
            raise FormatError(f"tokens of shape {tuple(shape)} do not fit a prior of {self.levels} levels")

    def check_length(self, string: bytes, shape: tuple[int, int, int]) -> None:
        """FormatError where a string is too short for tokens of this shape, before anything is allocated for them: a
        token costs more than codebook_size / 65536 bits."""
        self.check_shape(shape)
        if math.prod(shape) * self.codebook_size > 8 * (len(string) + _SLACK) * _TOTAL:
            raise FormatError(f"{len(string)} bytes are too few for tokens of shape {tuple(shape)}")

    def check_tokens(self, tokens: np.ndarray) -> None:
        """InputError where tokens are none of this prior."""
        self.check_shape(tokens.shape)
        if tokens.size and not 0 <= tokens.min() <= tokens.max() < self.codebook_size:
            raise InputError(f"a token is not one of the {self.codebook_size} codes")

    def set_probabilities(self, probabilities: np.ndarray) -> None:
        """Rounds probabilities (rows, codebook_size) to frequencies whose tables sum to 65536 with the escape."""
        size = self.codebook_size
        free = _TOTAL - 1 - size  # one for the escape, one for each code
        shares = probabilities / probabilities.sum(axis=1, keepdims=True) * free
        whole = np.floor(shares).astype(np.int64)
        missing = free - whole.sum(axis=1)
        order = np.argsort(-(shares - whole), axis=1, kind="stable")
        rank = np.empty_like(order)
        np.put_along_axis(rank, order, np.arange(size)[None, :].repeat(len(order), 0), axis=1)
        whole += rank < missing[:, None]
        self.frequencies.copy_(torch.from_numpy((whole + 1 - _SHIFT).astype(np.int16)))

    def tables(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`(cdfs, lengths, offsets)` for a coder: int32 (rows, codebook_size + 2), (rows,), (rows,)."""
        counts = self.frequencies.numpy().astype(np.int64) + _SHIFT
        cdfs = np.zeros((self.rows, self.codebook_size + 2), dtype=np.int32)
        cdfs[:, 1:-1] = np.cumsum(counts, axis=1)
        cdfs[:, -1] = _TOTAL
        return cdfs, np.full(self.rows, self.codebook_size + 2, np.int32), np.zeros(self.rows, np.int32)

    def bits(self) -> Tensor:
        """Bits of each code in each row: float32 (rows, codebook_size)."""
        return 16 - torch.log2(self.frequencies.to(torch.float32) + _SHIFT)
