# SPDX-License-Identifier: Apache-2.0
"""Small learned priors and tokens for them."""

import numpy as np
import torch

from tinify.entropy_models import CausalConvPrior, GruPrior, TransformerPrior

SMALL = {
    "gru": lambda levels, codes: GruPrior(levels, codes, embedding=8, hidden=32),
    "causal-conv": lambda levels, codes: CausalConvPrior(levels, codes, embedding=8, width=16, blocks=3),
    "transformer": lambda levels, codes: TransformerPrior(levels, codes, width=16, blocks=1, heads=2, reach=8),
}


def sticky(seed: int = 0, sequences: int = 20, steps: int = 50, levels: int = 3, size: int = 8) -> np.ndarray:
    """A Markov source: each level repeats its context with probability 0.9."""
    random = np.random.default_rng(seed)
    out = random.integers(size, size=(sequences, steps, levels))
    for step in range(1, steps):
        keep = random.random(sequences) < 0.9
        out[keep, step, 0] = out[keep, step - 1, 0]
    for level in range(1, levels):
        keep = random.random((sequences, steps)) < 0.9
        out[keep, level] = out[keep, level - 1]
    return out


def untrained(name: str, levels: int = 2, codes: int = 9):
    """A prior of random weights, which all matter."""
    torch.manual_seed(0)
    prior = SMALL[name](levels, codes)
    network = prior.network()
    with torch.no_grad():
        for weights in network.parameters():
            weights.mul_(2.0)
    prior.quantize(network)
    return prior


def random_integers(prior):
    """Fills the integer weights from a counter, without a float: the same on every machine."""
    state = 12345
    for name, buffer in sorted(prior.named_buffers()):
        values = np.empty(buffer.numel(), np.int64)
        for i in range(values.size):
            state = (state * 1103515245 + 12345) % 2**31
            values[i] = state >> 16
        part = name.rsplit(".", 1)[-1]
        if part == "shift":
            values[:] = 12
        elif part == "depth_shift":
            values[:] = 6
        else:
            low, high = {"multiplier": (300, 900), "frequencies": (-32768, -32000), "bias": (-500, 500),
                         "distance": (-2000, 0)}.get(part, (-127, 127))  # fmt: skip
            values = low + values % (high - low + 1)
        buffer.copy_(torch.from_numpy(values.reshape(buffer.shape)))
    return prior
