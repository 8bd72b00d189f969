# SPDX-License-Identifier: Apache-2.0
"""What every entropy model over scalar-quantized latents shares: quantization, integer tables, coding."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from tinify import registry
from tinify.entropy_coder import get_entropy_coder
from tinify.entropy_models.scalars import nearest
from tinify.errors import InputError, WeightsError
from tinify.ops import LowerBound
from tinify.ops.noise import uniform_noise

_TABLES = ("_offset", "_quantized_cdf", "_cdf_length")


class EntropyModel(nn.Module, ABC):
    """Probabilities of integers, as likelihoods for training and as integer tables for coding.

        y -> quantize -> symbols, indexes -> tables -> coder -> bytes

    Tables are built on first use, kept in the buffers `_quantized_cdf` (rows, width), `_cdf_length` (rows,) and
    `_offset` (rows,), and saved with the weights, so that another machine decodes with the same integers.
    `entropy_coder` names a registered coder; None takes the one in use (`tinify.get_entropy_coder()`).
    """

    _offset: Tensor
    _quantized_cdf: Tensor
    _cdf_length: Tensor

    def __init__(
        self, likelihood_bound: float = 1e-9, entropy_coder: str | None = None, entropy_coder_precision: int = 16
    ):
        super().__init__()
        if entropy_coder_precision != 16:
            raise InputError(f"entropy_coder_precision is {entropy_coder_precision}; tables have 16 bits")
        self.entropy_coder = entropy_coder
        self.use_likelihood_bound = likelihood_bound > 0
        if self.use_likelihood_bound:
            self.likelihood_lower_bound = LowerBound(likelihood_bound)
        for name in _TABLES:
            self.register_buffer(name, torch.IntTensor())
        # Coder name -> (coder, its handle of the tables, the buffers that the handle was made from).
        self._registered: dict[str, tuple[Any, Any, tuple]] = {}

    @property
    def offset(self) -> Tensor:
        return self._offset

    @property
    def quantized_cdf(self) -> Tensor:
        return self._quantized_cdf

    @property
    def cdf_length(self) -> Tensor:
        return self._cdf_length

    @property
    def coder_name(self) -> str:
        """Name of the coder in use: its own, or the process's."""
        return self.entropy_coder or get_entropy_coder()

    @abstractmethod
    def update(self, force: bool = False) -> bool:
        """Builds the integer tables from the parameters; True if they were (re)built."""

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_registered": {}}

    def quantize(self, inputs: Tensor, mode: str, means: Tensor | None = None) -> Tensor:
        """`noise`: inputs + U(-1/2, 1/2), for training; `dequantize`: round(inputs - means) + means;
        `symbols`: round(inputs - means) as int32, InputError where that is none. Shapes: any -> the same."""
        if mode == "noise":
            return inputs + uniform_noise(inputs)
        if mode not in ("dequantize", "symbols"):
            raise ValueError(f'quantization mode is "{mode}"; allowed: "noise", "dequantize", "symbols"')
        if mode == "symbols":
            symbols = nearest(inputs, means)
            if symbols is None:
                raise InputError("the latent has values that are no 32-bit integers (NaN, infinite or beyond 2^31)")
            return symbols
        return torch.round(inputs) if means is None else torch.round(inputs - means) + means

    @staticmethod
    def dequantize(inputs: Tensor, means: Tensor | None = None, dtype: torch.dtype = torch.float) -> Tensor:
        """Symbols (any integers) back to values: inputs + means."""
        return inputs.type(dtype) if means is None else inputs.type_as(means) + means

    def coder_and_tables(self) -> tuple[Any, Any]:
        """The coder in use and its handle of the tables, which are built on first use."""
        if self._quantized_cdf.numel() == 0:
            self.update()
        name = self.coder_name
        buffers = (self._quantized_cdf, self._cdf_length, self._offset)
        coder, tables, seen = self._registered.get(name, (None, None, ()))
        if coder is None or any(a is not b for a, b in zip(seen, buffers, strict=True)):
            coder = coder or registry.build("coder", name)
            tables = coder.tables(*(b.cpu().contiguous().numpy() for b in buffers))
            self._registered[name] = (coder, tables, buffers)
        return coder, tables

    def encoders(self, count: int) -> list[Any]:
        """Empty streams of the coder in use."""
        coder, _ = self.coder_and_tables()
        return [coder.encoder() for _ in range(count)]

    def decoders(self, strings: list[bytes]) -> list[Any]:
        """Readers of strings of the coder in use."""
        coder, _ = self.coder_and_tables()
        return [coder.decoder(string) for string in strings]

    def encode(self, symbols: Tensor, indexes: Tensor) -> list[bytes]:
        """One stream of bytes for each item of the batch; both (B, ...) of integers and one shape."""
        if symbols.shape != indexes.shape or symbols.dim() < 2:
            raise ValueError(f"symbols {tuple(symbols.shape)} and indexes {tuple(indexes.shape)} must be one (B, ...)")
        coder, tables = self.coder_and_tables()
        symbols, indexes = symbols.cpu().contiguous().numpy(), indexes.cpu().contiguous().numpy()
        return [coder.encode(s, i, tables) for s, i in zip(symbols, indexes, strict=True)]

    def decode(self, strings: list[bytes], indexes: Tensor) -> Tensor:
        """The int32 symbols (B, ...) of `strings`, one for each item of `indexes` (B, ...)."""
        if len(strings) != len(indexes):
            raise ValueError(f"{len(strings)} strings for a batch of {len(indexes)}")
        coder, tables = self.coder_and_tables()
        symbols = torch.empty(indexes.shape, dtype=torch.int32)
        out, rows = symbols.numpy(), indexes.cpu().contiguous().numpy()
        for item, string in enumerate(strings):
            out[item] = coder.decode(string, rows[item], tables)
        return symbols.to(indexes.device)

    def compress(self, inputs: Tensor, indexes: Tensor, means: Tensor | None = None) -> list[bytes]:
        """Quantizes and codes `inputs` (B, ...): a list of B byte strings."""
        return self.encode(self.quantize(inputs, "symbols", means), indexes)

    def decompress(
        self, strings: list[bytes], indexes: Tensor, dtype: torch.dtype = torch.float, means: Tensor | None = None
    ) -> Tensor:
        """The values (B, ...) that `compress` quantized to. Raises FormatError or DesyncError on damaged strings."""
        return self.dequantize(self.decode(strings, indexes), means, dtype)

    def _load_from_state_dict(self, state_dict, prefix, *args, **kwargs):
        for name in self._sized_buffers:
            key, mine = prefix + name, getattr(self, name)
            if key not in state_dict:
                # Tables of other weights must not stay; they are built anew on first use.
                state_dict[key] = mine.new_empty(0) if name in _TABLES else mine
            if state_dict[key].shape != mine.shape:
                setattr(self, name, mine.new_empty(state_dict[key].shape))
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
        self._registered.clear()
        if self._quantized_cdf.numel():
            self._check_tables(prefix)

    _sized_buffers = _TABLES

    def _check_tables(self, prefix: str) -> None:
        rows = self._quantized_cdf.shape[0]
        if self._quantized_cdf.dim() != 2 or self._cdf_length.shape != (rows,) or self._offset.shape != (rows,):
            shapes = {name: tuple(getattr(self, name).shape) for name in _TABLES}
            raise WeightsError(f"tables of {prefix or 'the entropy model'} do not fit together: {shapes}")
