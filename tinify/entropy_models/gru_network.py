# SPDX-License-Identifier: Apache-2.0
"""The float network that a GRU prior is trained as."""

from __future__ import annotations

from torch import Tensor, nn

from tinify.entropy_models.token_network import TokenHeads, TokenNetwork


class GruNetwork(TokenNetwork):
    """A GRU over time, and a head for each level.

    tokens of the step before -> sum of embeddings -> GRU -> heads, which see the coarser tokens of the step -> logits
    """

    def __init__(self, levels: int, codebook_size: int, embedding: int = 64, hidden: int = 128):
        super().__init__(levels, codebook_size, embedding)
        self.gru = nn.GRU(embedding, hidden, batch_first=True)
        self.heads = TokenHeads(levels, codebook_size, hidden, direct=True)

    def logits(self, tokens: Tensor) -> list[Tensor]:
        state, _ = self.gru(self.embed_before(tokens))
        return self.heads(state, tokens)
