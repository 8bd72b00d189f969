# SPDX-License-Identifier: Apache-2.0
"""A latent as tokens: residual quantization, a prior over tokens, a coder."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from tinify import registry
from tinify.entropy_models.token_prior import TokenPrior
from tinify.errors import FormatError
from tinify.latent_codecs.base import LatentCodec, LatentForward, LatentStrings, LatentValues, only_stream
from tinify.quantizers import ResidualQuantizer, VectorQuantizer

_GROUP = 1024  # sequences whose tokens are chosen together: bounds the memory


class TokenLatentCodec(LatentCodec):
    """Codes y (sequences, steps, D), each sequence alone, so that all of them advance together.

        y ──► RVQ ──► tokens (sequences, steps, stages) ──► prior ──► tables ──► coder ──► string
                                       └────◄──── what is decoded already ──┘

    The order of tokens in the string is the prior's. `lmbda` > 0 chooses each token by squared error plus `lmbda` times
    its bits under the prior (entropy-constrained quantization), step by step after those chosen before it where the
    prior sees all of them.

    Only integers select bits: decoding is exact on any machine. Source of the assignment: Chou, Lookabaugh, Gray 1989,
    "Entropy-constrained vector quantization".
    """

    def __init__(self, quantizer: ResidualQuantizer, prior: TokenPrior, coder: str = "rangecoder"):
        super().__init__()
        self.quantizer, self.prior = quantizer, prior
        # Codes are names, not sizes: rans32, which splits wide alphabets by size, would lose on them.
        self.coder = registry.build("coder", coder)

    def forward(self, y: Tensor, stages: int | None = None) -> LatentForward:
        out = self.quantizer(y, stages)
        return LatentForward({"y": self.likelihoods(out.symbols)}, out.y_hat)

    def likelihoods(self, tokens: Tensor) -> Tensor:
        """Probability of each token (sequences, steps, stages) under the prior."""
        return torch.exp2(-torch.from_numpy(self.prior.token_bits(tokens.cpu().numpy())))

    @torch.no_grad()
    def tokenize(self, y: Tensor, stages: int, lmbda: float = 0.0) -> Tensor:
        """Tokens (sequences, steps, stages) of y, rate-aware for `lmbda` > 0."""
        if lmbda <= 0:
            return self.quantizer.quantize(y, stages)
        if self.prior.stepwise:
            fast = self._tokenize_fast(y, stages, lmbda)
            return fast[0] if fast else self._tokenize_stepwise(y, stages, lmbda)
        bits, tokens, rest = self.prior.bits(), [], y
        for level, stage in enumerate(self.quantizer.stages[:stages]):
            if level:
                rest = rest - self.quantizer.stages[level - 1].dequantize(tokens[-1])
            if level == 0 and self.prior.sequential:
                tokens.append(self._first_stage(y, bits, lmbda))
            else:
                context = tokens[-1].numpy() if level else np.zeros(y.shape[:-1], np.int64)
                rows = self.prior.row(level, context)
                # One row for all is one list of bits for all: much the faster search.
                alike = rows.size and (rows == rows.flat[0]).all()
                rate = bits[int(rows.flat[0]) if alike else torch.from_numpy(rows).long()]
                tokens.append(stage.quantize(rest, rate, lmbda))
        return torch.stack(tokens, dim=-1)

    def _first_stage(self, y: Tensor, bits: Tensor, lmbda: float) -> Tensor:
        stage, steps = self.quantizer.stages[0], []
        before = np.full(y.shape[0], self.prior.codebook_size)
        for step in range(y.shape[1]):
            rate = bits[torch.from_numpy(self.prior.row(0, before)).long()]
            steps.append(stage.quantize(y[:, step], rate, lmbda))
            before = steps[-1].numpy()
        return torch.stack(steps, dim=1)

    def _tokenize_fast(self, y: Tensor, stages: int, lmbda: float) -> tuple[Tensor, bytes] | None:
        """Tokens and their string in one go, where the prior can choose from codebooks and the stages are such."""
        used = self.quantizer.stages[:stages]
        if lmbda <= 0 or not all(type(stage) is VectorQuantizer for stage in used):
            return None
        codebooks = [stage.codebook.cpu().numpy() for stage in used]
        chosen = self.prior.choose(y.cpu().numpy(), codebooks, lmbda)
        return None if chosen is None else (torch.from_numpy(chosen[0]), chosen[1])

    def _tokenize_stepwise(self, y: Tensor, stages: int, lmbda: float) -> Tensor:
        """Each token by the bits that it costs after those chosen before it."""
        tokens = torch.empty(*y.shape[:-1], stages, dtype=torch.int64)
        for first in range(0, len(y), _GROUP):
            part = y[first : first + _GROUP]
            session = self.prior.rates(len(part), stages)
            for step in range(y.shape[1]):
                rest = part[:, step]
                for level, stage in enumerate(self.quantizer.stages[:stages]):
                    chosen = stage.quantize(rest, torch.from_numpy(session.bits(level)), lmbda)
                    tokens[first : first + _GROUP, step, level] = chosen
                    session.take(level, chosen.numpy())
                    rest = rest - stage.dequantize(chosen)
        return tokens

    @torch.no_grad()
    def compress(self, y: Tensor, stages: int, lmbda: float = 0.0) -> LatentStrings:
        """One string for all sequences. Shape: (sequences, steps, stages)."""
        fast = self._tokenize_fast(y, stages, lmbda)
        tokens = fast[0] if fast else self.tokenize(y, stages, lmbda)
        string = fast[1] if fast else self.encode(tokens)
        return LatentStrings([[string]], tuple(tokens.shape), self.quantizer.dequantize(tokens))

    @torch.no_grad()
    def decompress(self, strings: list[list[bytes]], shape, sequences: slice | None = None, **kwargs) -> LatentValues:
        """The latent, of some `sequences` only where a slice says which."""
        stream = only_stream(strings)
        if len(stream) != 1:
            raise FormatError(f"{len(stream)} strings of tokens where the codec writes one")
        return LatentValues(self.quantizer.dequantize(self.decode(stream[0], shape, sequences)))

    def encode(self, tokens: Tensor) -> bytes:
        """The string of tokens (sequences, steps, stages)."""
        return self.prior.encode(tokens.cpu().numpy(), self.coder)

    def decode(self, string: bytes, shape: tuple[int, int, int], sequences: slice | None = None) -> Tensor:
        """Tokens (sequences, steps, stages), or those of the sequences asked for. FormatError or DesyncError when the
        string does not hold them."""
        stages = shape[-1]
        if not (1 <= stages <= len(self.quantizer.stages) and min(shape) >= 0 and math.prod(shape) < 1 << 31):
            raise FormatError(f"tokens of shape {shape} do not fit {len(self.quantizer.stages)} stages")
        return torch.from_numpy(self.prior.decode(string, tuple(shape), self.coder, sequences))
