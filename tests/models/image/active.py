# SPDX-License-Identifier: Apache-2.0
"""Small codecs with random weights, scaled so that latents are busy: many different symbols, scales that fit them."""

import numpy as np
import torch

from tinify.models import FactorizedPrior, MeanScaleHyperprior, ScaleHyperprior
from tinify.signal import Signal

KINDS = {
    "bmshj2018-factorized": FactorizedPrior,
    "bmshj2018-hyperprior": ScaleHyperprior,
    "mbt2018-mean": MeanScaleHyperprior,
}


def picture(height, width, channels=3, seed=0):
    """(H, W, C) uint8 with flat parts, slopes and texture."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    waves = np.stack([np.sin(rows / (7 + c) + columns / (11 - c)) for c in range(channels)], -1)
    texture = random.normal(size=(height, width, channels)) * (columns > width / 2)[:, :, None]
    return np.clip(128 + 70 * waves + 25 * texture, 0, 255).round().astype(np.uint8)


def signal(height, width, channels=3, seed=0, **kwargs):
    return Signal("image", picture(height, width, channels, seed), **kwargs)


def tensor(height, width, batch=1, seed=0):
    """(B, 3, H, W) in [0, 1]."""
    pictures = np.stack([picture(height, width, seed=seed + item) for item in range(batch)])
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255


@torch.no_grad()
def active(kind, N=8, M=12, gain_levels=0, seed=0):
    torch.manual_seed(seed)
    codec = KINDS[kind](N, M, gain_levels).eval()
    codec.name = kind
    x = tensor(256, 256, seed=99)
    y = _normalise(codec.g_a[-1], lambda: codec.g_a(x), 0.0, 4.0)
    if hasattr(codec, "h_a"):
        z = _normalise(codec.h_a[-1], lambda: codec.h_a(y.abs() if kind == "bmshj2018-hyperprior" else y), 0.0, 3.0)
        h_s = codec.h_s if kind == "mbt2018-mean" else codec.h_s[:-1]  # without the last ReLU
        _normalise(h_s[-1], lambda: h_s(z), 0.0, 0.3)
        h_s[-1].bias[:M] += 4
    _normalise(codec.g_s[-1], lambda: codec.g_s(y), 0.5, 0.2)
    codec.update(update_quantiles=True)
    return codec


def _normalise(layer, output, mean, std):
    """Scales the channels of the last layer so that its output has that mean and standard deviation."""
    out = output()
    shape = (1, -1, 1, 1) if isinstance(layer, torch.nn.ConvTranspose2d) else (-1, 1, 1, 1)
    factor = std / out.std((0, 2, 3))
    layer.weight *= factor.reshape(shape)
    layer.bias.copy_((layer.bias - out.mean((0, 2, 3))) * factor + mean)
    return output()
