# SPDX-License-Identifier: Apache-2.0
"""Every component of the five stages, and every codec, keeps the contract of its kind.

A component is tried with the arguments that EXAMPLES gives for it; one that is missing there fails.
"""

import numpy as np
import pytest
import torch

from tinify import builtin, registry, testing
from tinify.signal import Signal

EXAMPLES = {
    ("quantizer", "uniform-noise"): {"step": 0.5},
    ("quantizer", "uniform-ste"): {"step": 0.5},
    ("quantizer", "deadzone"): {"step": [0.5, 0.25, 1.0], "groups": 2},
    ("quantizer", "matrix"): {"tables": [[16], [11], [10]], "size": 1, "unit": 0.1},
    ("quantizer", "rdoq"): {"quantizer": {"kind": "quantizer", "name": "deadzone", "step": 0.5, "threshold": 0.5}},
    ("quantizer", "scalar-tokens"): {"dim": 4, "codebook_size": 16},
    ("quantizer", "fsq"): {"dim": 4, "codebook_size": 60},
    ("quantizer", "lfq"): {"dim": 4, "codebook_size": 16},
    ("quantizer", "vq"): {"dim": 4, "codebook_size": 16},
    ("quantizer", "rvq"): {"stages": [{"kind": "quantizer", "name": "vq", "dim": 4, "codebook_size": 8}] * 2},
    ("entropy-model", "entropy-bottleneck"): {"channels": 3},
    ("entropy-model", "entropy-bottleneck-vbr"): {"channels": 3},
    ("entropy-model", "gaussian-mixture"): {"K": 2},
    ("entropy-model", "gaussian-conditional"): {"scale_table": [0.11, 1.0, 30.0]},
    ("entropy-model", "histogram"): {"levels": 2, "codebook_size": 9},
    ("entropy-model", "markov1"): {"levels": 2, "codebook_size": 9},
    ("entropy-model", "gru"): {"levels": 2, "codebook_size": 9, "embedding": 4, "hidden": 16},
    ("entropy-model", "causal-conv"): {"levels": 2, "codebook_size": 9, "embedding": 4, "width": 8, "blocks": 2},
    ("entropy-model", "transformer"): {
        "levels": 2,
        "codebook_size": 9,
        "width": 8,
        "blocks": 1,
        "heads": 2,
        "reach": 8,
    },
    ("entropy-model", "neighbourhood"): {"groups": 4, "taps": 9, "sets": 2, "reach": 20},
    ("entropy-model", "edge"): {},
    ("entropy-model", "block-contexts"): {"groups": 4, "near": 9, "beside": 5, "sets": 2},
    ("entropy-model", "grid-mixing"): {},
    ("entropy-model", "block-mixing"): {},
    ("entropy-model", "picture-mixing"): {},
    ("codec", "bmshj2018-factorized"): {"N": 4, "M": 6},
    ("codec", "bmshj2018-hyperprior"): {"N": 4, "M": 6, "gain_levels": 2},
    ("codec", "mbt2018-mean"): {"N": 4, "M": 6, "gain_levels": 2},
    ("codec", "jpeg-like"): {"sets": 2},
    ("codec", "bmshj2018-factorized-relu"): {"N": 4, "M": 6},
    ("codec", "mbt2018"): {"N": 4, "M": 6, "gain_levels": 2},
    ("codec", "cheng2020-anchor"): {"N": 6},
    ("codec", "cheng2020-attn"): {"N": 6},
    ("codec", "cheng2020-gmm"): {"N": 6},
    ("codec", "bmshj2018-hyperprior-vbr"): {"N": 4, "M": 6},
    ("codec", "mbt2018-mean-vbr"): {"N": 4, "M": 6, "vr_entbttlnck": True},
    ("codec", "mbt2018-vbr"): {"N": 4, "M": 6},
    ("codec", "cheng2020-anchor-checkerboard"): {"N": 6},
    ("codec", "elic2022-official"): {"N": 4, "M": 12, "groups": [2, 4, 6]},
    ("codec", "elic2022-chandelier"): {"N": 4, "M": 12, "groups": [2, 4, 6]},
    ("codec", "lapped-hyperprior"): {"N": 4, "counts": [4, 2, 2], "groups": [3, 5], "width": 4, "synthesis_blocks": 1},
    ("codec", "tokenizer"): {"patch": 4, "stages": 2, "codebook_size": 8, "width": 4},
    ("codec", "series-mixing"): {"blocks": [8, 32]},
    ("codec", "wavelet-scheduled"): {"levels": 3, "sets": 2},
    ("codec", "wavelet-mixing"): {"levels": 3},
    ("codec", "tcrae"): {"window": 32, "width": 8, "latents": 6, "dilations": [1, 2], "direction": "attention"},
    ("codec", "tcrae-seq"): {"window": 32, "width": 4, "strides": [2, 4], "histograms": 2},
}


def build(kind, name):
    torch.manual_seed(0)
    assert (kind, name) in EXAMPLES, f"add arguments for {kind} {name!r} to EXAMPLES"
    return registry.build_config({"kind": kind, "name": name, **EXAMPLES[kind, name]})


def names_of(kind):
    return [row.name for row in builtin.tinify_components() if row.kind == kind]


@pytest.mark.parametrize("name", names_of("coder"))
def test_coder(name):
    testing.check_coder(registry.build("coder", name))


@pytest.mark.parametrize("name", names_of("quantizer"))
def test_quantizer(name):
    testing.check_quantizer(build("quantizer", name), torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(1)))


PATCH_TRANSFORMS = ["patch", "patch-mlp", "patch-cnn", "block-dct", "dst7", "mdct", "identity"]
PICTURE_TRANSFORMS = {
    "block-dct": {"patch": 4, "dims": 2},
    "dst7": {"patch": 4, "dims": 2, "taps": 3},
    "lifting": {"wavelet": "5/3", "levels": 2},
    "ycbcr": {},
    "rct": {},
    "subsample": {},
}


@pytest.mark.parametrize("name", PATCH_TRANSFORMS)
def test_transform_of_patches(name):
    analysis, synthesis = (registry.build("transform", f"{name}-{side}", patch=4)
                           for side in ("analysis", "synthesis"))  # fmt: skip
    x = torch.randn(2, 24, generator=torch.Generator().manual_seed(1))
    assert analysis(x).shape == (2, 6, analysis.dim)
    testing.check_transform(analysis, synthesis, x)


@pytest.mark.parametrize("name", PICTURE_TRANSFORMS)
def test_transform_of_pictures(name):
    analysis, synthesis = (registry.build("transform", f"{name}-{side}", **PICTURE_TRANSFORMS[name])
                           for side in ("analysis", "synthesis"))  # fmt: skip
    testing.check_transform(analysis, synthesis, torch.randn(2, 3, 12, 20, generator=torch.Generator().manual_seed(1)))


def test_every_transform_is_tried():
    tried = {*PATCH_TRANSFORMS, *PICTURE_TRANSFORMS}
    assert set(names_of("transform")) == {f"{name}-{side}" for name in tried for side in ("analysis", "synthesis")}


@pytest.mark.parametrize("name", names_of("entropy-model"))
def test_entropy_model(name):
    testing.check_entropy_model(build("entropy-model", name))


@pytest.mark.parametrize("name", names_of("codec"))
def test_codec(name):
    codec = build("codec", name)
    testing.check_codec(codec.eval(), signal_for(codec.modality))


def signal_for(modality):
    rng = np.random.default_rng(0)
    if modality == "image":
        return Signal("image", rng.integers(0, 256, (21, 34, 4)).astype(np.uint8), {"icc": b"profile"})
    x = rng.normal(size=(203, 3)).cumsum(axis=0).astype(np.float32)
    x[20:30, 1] = np.nan
    return Signal("series", x, {"csv": b"header"})
