# SPDX-License-Identifier: Apache-2.0
"""Series, and small autoencoders whose histograms were fitted to them, for the tests of both."""

import numpy as np
import torch


def waves(rows: int, channels: int = 2, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    t = np.arange(rows)[:, None] / random.uniform(5, 30, channels)
    return (np.sin(t) + 0.05 * random.normal(size=(rows, channels))).astype(np.float32)


@torch.no_grad()
def fitted(codec, name: str):
    """The codec with histograms of what it makes of waves, in evaluation mode."""
    prior = codec.eval().latent_codec.prior
    x = waves(200 * codec.window, 4)
    x = torch.from_numpy(np.ascontiguousarray((x / x.std(0)).T)).reshape(-1, codec.window)
    prior.fit(
        np.stack([prior.count(codec.analysis(x * loud).numpy()) for loud in np.logspace(0, -1, prior.histograms)])
    )
    codec.name = name
    return codec
