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
from tinify.latent_codecs.base import LatentCodec, LatentForward, LatentStrings, LatentValues
from tinify.quantizers import ResidualQuantizer


class TokenLatentCodec(LatentCodec):
    """Codes y (sequences, steps, D), each sequence alone, so that all of them advance together.

        y ──► RVQ ──► tokens (sequences, steps, stages) ──► prior ──► tables ──► coder ──► string
                                       └────◄──── what is decoded already ──┘

    Tokens of stage 0 come first, step by step through all sequences at once; those of a later stage follow in one run,
    since their context, the stage before, is known by then. `lmbda` > 0 chooses each token by squared error plus
    `lmbda` times its bits under the prior (entropy-constrained quantization).

    Only integers select bits: decoding is exact on any machine. Source of the assignment: Chou, Lookabaugh, Gray 1989,
    "Entropy-constrained vector quantization".
    """

    def __init__(self, quantizer: ResidualQuantizer, prior: TokenPrior, coder: str = "rangecoder"):
        super().__init__()
        self.quantizer, self.prior = quantizer, prior
        # Codes are names, not sizes: rans32, which splits wide alphabets by size, would lose on them.
        self.coder = registry.build("coder", coder)
        self._registered: tuple | None = None

    def forward(self, y: Tensor, stages: int | None = None) -> LatentForward:
        out = self.quantizer(y, stages)
        return LatentForward({"y": self.likelihoods(out.symbols)}, out.y_hat)

    def likelihoods(self, tokens: Tensor) -> Tensor:
        """Probability of each token (sequences, steps, stages) under the prior."""
        symbols = tokens.cpu().numpy()
        bits = self.prior.bits()
        rows = [self.prior.row(i, self.prior.contexts(symbols, i)) for i in range(symbols.shape[-1])]
        return torch.exp2(-bits[torch.from_numpy(np.stack(rows, axis=-1)).long(), tokens.cpu()])

    @torch.no_grad()
    def tokenize(self, y: Tensor, stages: int, lmbda: float = 0.0) -> Tensor:
        """Tokens (sequences, steps, stages) of y, rate-aware for `lmbda` > 0."""
        if lmbda <= 0:
            return self.quantizer.quantize(y, stages)
        bits, tokens, rest = self.prior.bits(), [], y
        for level, stage in enumerate(self.quantizer.stages[:stages]):
            if level == 0 and self.prior.sequential:
                tokens.append(self._first_stage(y, bits, lmbda))
            else:
                context = tokens[-1].numpy() if level else np.zeros(y.shape[:-1], np.int64)
                rate = bits[torch.from_numpy(self.prior.row(level, context)).long()]
                tokens.append(stage.quantize(rest, rate, lmbda))
            rest = rest - stage.dequantize(tokens[-1])
        return torch.stack(tokens, dim=-1)

    def _first_stage(self, y: Tensor, bits: Tensor, lmbda: float) -> Tensor:
        stage, steps = self.quantizer.stages[0], []
        before = np.full(y.shape[0], self.prior.codebook_size)
        for step in range(y.shape[1]):
            rate = bits[torch.from_numpy(self.prior.row(0, before)).long()]
            steps.append(stage.quantize(y[:, step], rate, lmbda))
            before = steps[-1].numpy()
        return torch.stack(steps, dim=1)

    @torch.no_grad()
    def compress(self, y: Tensor, stages: int, lmbda: float = 0.0) -> LatentStrings:
        """One string for all sequences. Shape: (sequences, steps, stages)."""
        tokens = self.tokenize(y, stages, lmbda)
        return LatentStrings([[self.encode(tokens)]], tuple(tokens.shape), self.quantizer.dequantize(tokens))

    @torch.no_grad()
    def decompress(self, strings: list[list[bytes]], shape, **kwargs) -> LatentValues:
        ((string,),) = strings
        return LatentValues(self.quantizer.dequantize(self.decode(string, shape)))

    def encode(self, tokens: Tensor) -> bytes:
        """The string of tokens (sequences, steps, stages)."""
        symbols, encoder = tokens.cpu().numpy(), self.coder.encoder()
        for level in range(symbols.shape[-1]):
            rows = self.prior.row(level, self.prior.contexts(symbols, level))
            part = symbols[..., level]
            if level == 0:
                part, rows = part.T, rows.T  # step after step
            encoder.push(np.ascontiguousarray(part, np.int32), np.ascontiguousarray(rows), self._tables())
        return encoder.finish()

    def decode(self, string: bytes, shape: tuple[int, int, int]) -> Tensor:
        """Tokens (sequences, steps, stages). FormatError or DesyncError when the string does not hold them."""
        sequences, steps, stages = shape
        if not (1 <= stages <= len(self.quantizer.stages) and min(shape) >= 0 and math.prod(shape) < 1 << 31):
            raise FormatError(f"tokens of shape {shape} do not fit {len(self.quantizer.stages)} stages")
        decoder, tokens = self.coder.decoder(string), np.zeros(shape, dtype=np.int64)
        tokens[..., 0] = self._decode_first(decoder, sequences, steps)
        for level in range(1, stages):
            rows = self.prior.row(level, tokens[..., level - 1])
            tokens[..., level] = self._pull(decoder, np.ascontiguousarray(rows))
        decoder.finish()
        return torch.from_numpy(tokens)

    def _decode_first(self, decoder, sequences: int, steps: int) -> np.ndarray:
        if not self.prior.sequential:
            return self._pull(decoder, self.prior.row(0, np.zeros((steps, sequences), np.int64))).T
        before, out = np.full(sequences, self.prior.codebook_size), np.empty((sequences, steps), np.int64)
        for step in range(steps):
            before = out[:, step] = self._pull(decoder, self.prior.row(0, before))
        return out

    def _pull(self, decoder, rows: np.ndarray) -> np.ndarray:
        symbols = decoder.pull(rows, self._tables())
        if symbols.size and (symbols.min() < 0 or symbols.max() >= self.prior.codebook_size):
            raise FormatError(f"the stream holds a token beyond the {self.prior.codebook_size} codes")
        return symbols

    def _tables(self):
        state = self.prior.frequencies._version, id(self.prior.frequencies)
        if self._registered is None or self._registered[0] != state:
            self._registered = state, self.coder.tables(*self.prior.tables())
        return self._registered[1]

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_registered": None}
