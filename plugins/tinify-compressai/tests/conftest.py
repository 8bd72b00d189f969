# SPDX-License-Identifier: Apache-2.0
"""Small models with busy latents, and a picture; everything is skipped where compressai is absent."""

import numpy as np
import pytest

from tinify.errors import MissingExtraError

SIZES = {
    "bmshj2018-factorized": {"N": 8, "M": 12},
    "bmshj2018-factorized-relu": {"N": 8, "M": 12},
    "bmshj2018-hyperprior": {"N": 8, "M": 12},
    "mbt2018-mean": {"N": 8, "M": 12},
    "mbt2018": {"N": 8, "M": 12},
    "cheng2020-anchor": {"N": 12},
    "cheng2020-attn": {"N": 12},
    "cheng2020-anchor-checkerboard": {"N": 12},
    "elic2022-official": {"N": 8, "M": 12, "groups": [4, 4, 4]},
    "elic2022-chandelier": {"N": 8, "M": 12, "groups": [4, 4, 4]},
    "bmshj2018-hyperprior-vbr": {"N": 8, "M": 12},
    "mbt2018-mean-vbr": {"N": 8, "M": 12},
    "mbt2018-vbr": {"N": 8, "M": 12},
}


@pytest.fixture(scope="session", autouse=True)
def _compressai():
    import torch
    from tinify_compressai.foreign import compressai

    torch.set_num_threads(1)
    try:
        compressai()
    except MissingExtraError as error:
        pytest.skip(f"{error}; `make parity` sets up an environment that has it")


@pytest.fixture(scope="session")
def codec_named():
    """`codec_named("mbt2018-mean")`: this plugin's codec with small random weights and latents far from zero."""
    import torch

    from tinify import registry

    made = {}

    def make(name):
        if name not in made:
            torch.manual_seed(3)
            codec = registry.build("codec", f"compressai-{name}", **SIZES[name])
            with torch.no_grad():
                last = [layer for layer in codec.model.g_a.modules() if hasattr(layer, "weight")][-1]
                last.weight.mul_(20)
            codec.update(force=True)
            made[name] = codec
        return made[name]

    return make


@pytest.fixture(scope="session")
def picture():
    """(64, 128, 3) uint8: waves and noise."""
    return waves(64, 128)


def waves(height, width):
    rows, columns = np.mgrid[:height, :width]
    random = np.random.default_rng(0)
    colours = [np.sin(rows / (5 + k) + columns / (9 - k)) for k in range(3)]
    noise = random.normal(size=(height, width, 3)) * (columns > width / 2)[..., None]
    x = 128 + 80 * np.stack(colours, axis=2) + 20 * noise
    return x.clip(0, 255).astype(np.uint8)
