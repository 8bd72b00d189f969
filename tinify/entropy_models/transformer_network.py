# SPDX-License-Identifier: Apache-2.0
"""The float network that a transformer prior is trained as."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tinify.entropy_models.fixed_point import STATE_MAX
from tinify.entropy_models.token_network import TokenHeads, TokenNetwork

STREAM_BITS = 12  # fraction bits of what runs along the blocks, which stays in (-8, 8)
LIMIT = STATE_MAX / (1 << STREAM_BITS)


class TransformerNetwork(TokenNetwork):
    """Causal transformer blocks with a bias for each distance up to `reach`; see `TransformerPrior`."""

    def __init__(
        self, levels: int, codebook_size: int, width: int = 96, blocks: int = 2, heads: int = 4, reach: int = 128
    ):
        super().__init__(levels, codebook_size, width)
        self.parts, self.reach = heads, reach
        self.start = nn.Linear(width, width)
        sizes = {"three": (width, 3 * width), "join": (width, width), "wide": (width, 2 * width),
                 "narrow": (2 * width, width)}  # fmt: skip
        self.blocks = nn.ModuleList(
            nn.ModuleDict({name: nn.Linear(*size) for name, size in sizes.items()}) for _ in range(blocks)
        )
        slopes = -torch.arange(reach) * 2.0 ** -torch.arange(1, heads + 1)[:, None]
        self.distance = nn.Parameter(slopes.expand(blocks, heads, reach).clone())
        self.heads = TokenHeads(levels, codebook_size, width, direct=False)

    def logits(self, tokens: Tensor) -> list[Tensor]:
        x = self.start(self.embed_before(tokens)).clamp(-LIMIT, LIMIT)
        steps = torch.arange(x.shape[1], device=x.device)
        apart = steps[:, None] - steps[None, :]
        hidden = (apart < 0) | (apart >= self.reach)
        apart = apart.clamp(0, self.reach - 1)
        for block, distance in zip(self.blocks, self.distance, strict=True):
            bias = distance[:, apart].masked_fill(hidden, float("-inf"))
            x = (x + block["join"](self._attend(block["three"](_norm(x)), bias))).clamp(-LIMIT, LIMIT)
            x = (x + block["narrow"](F.relu(block["wide"](_norm(x))).clamp(max=LIMIT))).clamp(-LIMIT, LIMIT)
        return self.heads(_norm(x), tokens)

    def _attend(self, three: Tensor, bias: Tensor) -> Tensor:
        batch, steps, _ = three.shape
        query, key, value = three.view(batch, steps, 3, self.parts, -1).permute(2, 0, 3, 1, 4)
        found = F.scaled_dot_product_attention(query, key, value, attn_mask=bias[None])
        return found.transpose(1, 2).reshape(batch, steps, -1)


def _norm(x: Tensor) -> Tensor:
    return (x * torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + 1e-6)).clamp(-LIMIT, LIMIT)
