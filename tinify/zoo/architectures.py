# SPDX-License-Identifier: Apache-2.0
"""CompressAI's zoo functions: a codec of a published size, with its published weights or with random ones.

    model = mbt2018_mean(quality=3, metric="mse", pretrained=True).eval()

quality: 1 (smallest files) to 8, cheng2020 to 6; metric: "mse" or "ms-ssim", what it was trained for. `progress` shows
a download on a terminal. Other arguments go to the codec's constructor, with random weights only. ConfigError (a
ValueError) for what is not published, WeightsError where weights cannot be had.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinify import registry
from tinify.errors import ConfigError, WeightsError
from tinify.zoo.published import SIZES, VARIABLE_SIZES, Checkpoint, checkpoints
from tinify.zoo.weights import fitting, read_state_dict

if TYPE_CHECKING:
    from tinify.models.base import Codec


def bmshj2018_factorized(
    quality: int, metric: str = "mse", pretrained: bool = False, progress: bool = True, **kwargs: Any
) -> Codec:
    """Factorized prior. Ballé et al. 2018, arXiv:1802.01436."""
    return _codec("bmshj2018-factorized", quality, metric, pretrained, progress, kwargs)


def bmshj2018_factorized_relu(
    quality: int, metric: str = "mse", pretrained: bool = False, progress: bool = True, **kwargs: Any
) -> Codec:
    """Factorized prior with ReLU for GDN; no weights are published."""
    return _codec("bmshj2018-factorized-relu", quality, metric, pretrained, progress, kwargs)


def bmshj2018_hyperprior(
    quality: int, metric: str = "mse", pretrained: bool = False, progress: bool = True, **kwargs: Any
) -> Codec:
    """Scale hyperprior. Ballé et al. 2018, arXiv:1802.01436."""
    return _codec("bmshj2018-hyperprior", quality, metric, pretrained, progress, kwargs)


def mbt2018_mean(
    quality: int, metric: str = "mse", pretrained: bool = False, progress: bool = True, **kwargs: Any
) -> Codec:
    """Mean and scale hyperprior. Minnen et al. 2018, arXiv:1809.02736."""
    return _codec("mbt2018-mean", quality, metric, pretrained, progress, kwargs)


def mbt2018(quality: int, metric: str = "mse", pretrained: bool = False, progress: bool = True, **kwargs: Any) -> Codec:
    """Hyperprior and causal context. Minnen et al. 2018, arXiv:1809.02736."""
    return _codec("mbt2018", quality, metric, pretrained, progress, kwargs)


def cheng2020_anchor(
    quality: int, metric: str = "mse", pretrained: bool = False, progress: bool = True, **kwargs: Any
) -> Codec:
    """Residual blocks. Cheng et al. 2020, arXiv:2001.01568."""
    return _codec("cheng2020-anchor", quality, metric, pretrained, progress, kwargs)


def cheng2020_attn(
    quality: int, metric: str = "mse", pretrained: bool = False, progress: bool = True, **kwargs: Any
) -> Codec:
    """Residual blocks and attention. Cheng et al. 2020, arXiv:2001.01568."""
    return _codec("cheng2020-attn", quality, metric, pretrained, progress, kwargs)


def bmshj2018_hyperprior_vbr(
    quality: int = 0, metric: str = "mse", pretrained: bool = False, progress: bool = True, **kwargs: Any
) -> Codec:
    """Scale hyperprior of variable rate; `quality` does nothing. Kamisli et al. 2024, arXiv:2402.18930."""
    return _codec("bmshj2018-hyperprior-vbr", 0, metric, pretrained, progress, kwargs)


def mbt2018_mean_vbr(
    quality: int = 0, metric: str = "mse", pretrained: bool = False, progress: bool = True, **kwargs: Any
) -> Codec:
    """Mean and scale hyperprior of variable rate; `quality` does nothing. Kamisli et al. 2024, arXiv:2402.18930."""
    return _codec("mbt2018-mean-vbr", 0, metric, pretrained, progress, kwargs)


def mbt2018_vbr(
    quality: int = 0, metric: str = "mse", pretrained: bool = False, progress: bool = True, **kwargs: Any
) -> Codec:
    """Hyperprior and causal context of variable rate; `quality` does nothing. Kamisli et al. 2024."""
    return _codec("mbt2018-vbr", 0, metric, pretrained, progress, kwargs)


image_models = {
    "bmshj2018-factorized": bmshj2018_factorized,
    "bmshj2018-factorized-relu": bmshj2018_factorized_relu,
    "bmshj2018-hyperprior": bmshj2018_hyperprior,
    "mbt2018-mean": mbt2018_mean,
    "mbt2018": mbt2018,
    "cheng2020-anchor": cheng2020_anchor,
    "cheng2020-attn": cheng2020_attn,
    "bmshj2018-hyperprior-vbr": bmshj2018_hyperprior_vbr,
    "mbt2018-mean-vbr": mbt2018_mean_vbr,
    "mbt2018-vbr": mbt2018_vbr,
}


def _codec(name: str, quality: int, metric: str, pretrained: bool, progress: bool, arguments: dict) -> Codec:
    sizes = {0: VARIABLE_SIZES[name]} if name in VARIABLE_SIZES else dict(enumerate(SIZES[name], start=1))
    metrics = ("mse",) if name in VARIABLE_SIZES else ("mse", "ms-ssim")
    if metric not in metrics:
        raise ConfigError(f"metric is {metric!r}; {name} has {' and '.join(map(repr, metrics))}")
    if quality not in sizes:
        raise ConfigError(f"quality is {quality!r}; {name} has 1 to {len(sizes)}")
    if pretrained and arguments:
        raise ConfigError(f"{', '.join(arguments)}: published weights of {name} come with their own arguments")
    if not pretrained:
        return registry.build("codec", name, **sizes[quality], **arguments)
    wanted = (name, metric, quality)
    found = [c for c in checkpoints().values() if (c.architecture, c.metric, c.quality) == wanted]
    if not found:
        raise WeightsError(f"there are no published weights of {name}; pretrained=False gives random ones")
    return restore(found[0], progress=progress)


def restore(checkpoint: Checkpoint, *, progress: bool = False) -> Codec:
    """The codec of a checkpoint, fetched if need be, to train further. WeightsError where it cannot be had."""
    architecture = registry.get("codec", checkpoint.architecture)  # before anything is fetched
    path = checkpoint.weights.path(progress=progress)
    state_dict = read_state_dict(path)
    with fitting(path, architecture.__name__):
        return architecture.from_state_dict(state_dict)
