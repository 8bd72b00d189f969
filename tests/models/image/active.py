# SPDX-License-Identifier: Apache-2.0
"""Small codecs with random weights, scaled so that latents are busy: many different symbols, scales that fit them."""

import numpy as np
import torch

from tinify.models import (
    Cheng2020Anchor,
    Cheng2020AnchorCheckerboard,
    Cheng2020Attention,
    Cheng2020GMM,
    Elic2022Chandelier,
    Elic2022Official,
    FactorizedPrior,
    FactorizedPriorReLU,
    JointAutoregressiveHierarchicalPriors,
    JointAutoregressiveHierarchicalPriorsVbr,
    MeanScaleHyperprior,
    MeanScaleHyperpriorVbr,
    ScaleHyperprior,
    ScaleHyperpriorVbr,
)
from tinify.signal import Signal

KINDS = {
    "bmshj2018-factorized": FactorizedPrior,
    "bmshj2018-hyperprior": ScaleHyperprior,
    "mbt2018-mean": MeanScaleHyperprior,
}
WITH_CONTEXT = {
    "mbt2018": (JointAutoregressiveHierarchicalPriors, (8, 12)),
    "cheng2020-anchor": (Cheng2020Anchor, (8,)),
    "cheng2020-attn": (Cheng2020Attention, (8,)),
    "cheng2020-gmm": (Cheng2020GMM, (8,)),
    "cheng2020-anchor-checkerboard": (Cheng2020AnchorCheckerboard, (8,)),
    "elic2022-official": (Elic2022Official, (8, 16, [2, 2, 4, 8])),
    "elic2022-chandelier": (Elic2022Chandelier, (8, 16, [2, 2, 4, 8])),
}
VARIABLE = {
    "bmshj2018-hyperprior-vbr": (ScaleHyperpriorVbr, (8, 12, True)),
    "mbt2018-mean-vbr": (MeanScaleHyperpriorVbr, (8, 12, True)),
    "mbt2018-mean-vbr, plain z": (MeanScaleHyperpriorVbr, (8, 12, False)),
    "mbt2018-vbr": (JointAutoregressiveHierarchicalPriorsVbr, (8, 12)),
}
# As CompressAI publishes them, at qualities of the middle.
PUBLISHED = {
    **dict.fromkeys(["bmshj2018-factorized", "bmshj2018-factorized-relu", "bmshj2018-hyperprior"], (128, 192)),
    "mbt2018-mean": (128, 192),
    "mbt2018": (192, 192),
    **{name: (128,) for name in WITH_CONTEXT if name.startswith("cheng2020")},
    **dict.fromkeys(["elic2022-official", "elic2022-chandelier"], (192, 320)),
    "bmshj2018-hyperprior-vbr": (192, 320, True),
    "mbt2018-mean-vbr": (192, 320, True),
    "mbt2018-mean-vbr, plain z": (192, 320, False),
    "mbt2018-vbr": (192, 320),
}
EVERY = list(PUBLISHED)


def make(name, published=False):
    """Any of `EVERY`, small or of its published widths."""
    arguments = PUBLISHED[name] if published else None
    if name in WITH_CONTEXT:
        return active_with_context(name, arguments=arguments)
    if name in VARIABLE:
        return active_at_every_rate(name, arguments=arguments)
    return active(name, *(arguments or ()))


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
    codec = {**KINDS, "bmshj2018-factorized-relu": FactorizedPriorReLU}[kind](N, M, gain_levels).eval()
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


@torch.no_grad()
def active_at_every_rate(kind, seed=0, arguments=None):
    torch.manual_seed(seed)
    cls, small = VARIABLE[kind]
    codec = cls(*(arguments or small)).eval()
    codec.name = kind.partition(" ")[0]
    x = tensor(256, 256, seed=99)
    y = _normalise(codec.g_a[-1], lambda: codec.g_a(x), 0.0, 15.0)
    zero_mean = "hyperprior" in kind
    _normalise(codec.h_a[-1], lambda: codec.h_a(y.abs() if zero_mean else y), 0.0, 6.0)
    with_scales = codec.entropy_parameters if hasattr(codec, "entropy_parameters") else codec.h_s
    with_scales[-2 if zero_mean else -1].bias[: y.shape[1]] += 15
    _normalise(codec.g_s[-1], lambda: codec.g_s(y), 0.5, 0.2)
    codec.QuantABCD[-1].bias += 0.1
    if codec.vr_entbttlnck:
        codec.gayn2zqstep[-2].weight.mul_(3)
        codec.gayn2zqstep[-2].bias += 0.5
    codec.update(update_quantiles=True)
    return codec


@torch.no_grad()
def active_with_context(kind, seed=0, arguments=None):
    torch.manual_seed(seed)
    cls, small = WITH_CONTEXT[kind]
    codec = cls(*(arguments or small)).eval()
    codec.name = kind
    x = tensor(256, 256, seed=99)
    last = codec.g_a[-1] if isinstance(codec.g_a[-1], torch.nn.Conv2d) else codec.g_a[-2]
    for _ in range(3):  # attention after it is not linear
        last.weight *= 4 / codec.g_a(x).std()
    y = codec.g_a(x)
    hyper = codec.latent_codec["hyper"]
    _normalise(hyper.h_a[-1], lambda: hyper.h_a(y), 0.0, 3.0)
    codec.update(update_quantiles=True)
    latent = codec.latent_codec["y"]
    for part in latent.latent_codec.values() if hasattr(latent, "latent_codec") else [latent]:
        bias = part.entropy_parameters[-1].bias
        count = len(bias) // (3 if kind == "cheng2020-gmm" else 2)
        (bias[count:] if part["y"].chunks[0] == "means" else bias[:count]).add_(4)
    return codec


def _normalise(layer, output, mean, std):
    """Scales the channels of the last layer so that its output has that mean and standard deviation."""
    out = output()
    shape = (1, -1, 1, 1) if isinstance(layer, torch.nn.ConvTranspose2d) else (-1, 1, 1, 1)
    factor = std / out.std((0, 2, 3))
    layer.weight *= factor.reshape(shape)
    layer.bias.copy_((layer.bias - out.mean((0, 2, 3))) * factor + mean)
    return output()
