# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import tinify
from tinify import builtin, container
from tinify.config import read_toml
from tinify.errors import ConfigError, TinifyError
from tinify.models.series import Tokenizer
from tinify.quantizers import FiniteScalarQuantizer, ResidualQuantizer, ScalarTokens
from tinify.signal import Signal
from tinify.transforms import MdctAnalysis, PatchAnalysis, PatchMlpAnalysis

TRANSFORMS = [
    '"patch"',
    '"patch-mlp"',
    '{ name = "patch-mlp", dim = 6 }',
    '{ name = "patch-cnn", width = 8 }',
    '{ name = "block-dct", taps = 1 }',
    '{ name = "mdct", window = "kbd" }',
    '"identity"',
    '{ synthesis = { name = "mdct-synthesis", patch = 8 }, '
    'analysis = { kind = "transform", name = "mdct-analysis", patch = 8 } }',
]
QUANTIZERS = [
    '"vq"',
    '{ name = "vq", gradient = "rotation" }',
    '{ name = "fsq", levels = [4, 4, 2] }',
    '{ name = "lfq", entropy = 0.1 }',
]
PRIORS = ['"histogram"', '{ name = "markov1", backoff = 4.0 }']
WHOLE = """
kind = "codec"
name = "tokenizer"
patch = 8
codebook_size = 32
"""


def codec_of(tmp_path, text):
    path = tmp_path / "codec.toml"
    path.write_text(text)
    torch.manual_seed(0)
    return tinify.build(path)


def check_round_trip(codec):
    random = np.random.default_rng(0)
    x = (np.sin(np.arange(300)[:, None] / 7) + 0.1 * random.normal(size=(300, 2))).astype(np.float32)
    windows = torch.from_numpy(x[:296].T.copy()).reshape(1, 2, 296)
    codec.train()
    codec(windows, codec.stages)
    codec.eval()
    codec.name = "tokenizer"
    file = codec.pack(Signal("series", x), quality=90)
    back = codec.unpack(container.unpack(container.pack(file)))
    assert back.samples.shape == x.shape and np.isfinite(back.samples).all()
    out = codec.compress(windows, quality=100)
    expected = codec(windows, codec.stages).x_hat
    y_hat = codec.decompress(out.strings, out.shape).x_hat
    assert (y_hat - windows).square().mean() < 2 * (expected - windows).square().mean() + 0.01
    return float((expected - windows).square().mean().detach())


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_each_transform_from_toml(tmp_path, transform):
    codec = codec_of(tmp_path, f"{WHOLE}stages = 3\ntransform = {transform}\n")
    error = check_round_trip(codec)
    assert error < 0.3 or "cnn" in transform  # the network of the CNN is not trained here


@pytest.mark.parametrize("quantizer", QUANTIZERS)
@pytest.mark.parametrize("prior", PRIORS)
def test_each_quantizer_and_prior_from_toml(tmp_path, quantizer, prior):
    codec = codec_of(tmp_path, f"{WHOLE}stages = 4\nquantizer = {quantizer}\nprior = {prior}\n")
    assert check_round_trip(codec) < 0.2


def test_the_scalar_sibling_from_toml(tmp_path):
    codec = codec_of(tmp_path, f'{WHOLE}quantizer = {{ name = "scalar-tokens", step = 0.25 }}\nprior = "histogram"\n')
    assert isinstance(codec.latent_codec.quantizer, ScalarTokens) and codec.stages == 8
    assert check_round_trip(codec) < 0.01


def test_a_residual_quantizer_of_unlike_stages_from_toml(tmp_path):
    stages = """[[quantizer.stages]]
kind = "quantizer"
name = "vq"
dim = 8
codebook_size = 16
[[quantizer.stages]]
kind = "quantizer"
name = "lfq"
dim = 8
codebook_size = 16
"""
    codec = codec_of(tmp_path, f'{WHOLE}[quantizer]\nkind = "quantizer"\nname = "rvq"\n{stages}')
    assert codec.stages == 2
    check_round_trip(codec)


def test_parts_may_be_given_as_objects():
    quantizer = ResidualQuantizer([FiniteScalarQuantizer(8, 30)] * 2)
    sides = {"analysis": MdctAnalysis(8), "synthesis": {"name": "mdct-synthesis", "patch": 8}}
    codec = Tokenizer(patch=8, quantizer=quantizer, transform=sides)
    assert codec.latent_codec.quantizer is quantizer and isinstance(codec.analysis, MdctAnalysis)


def test_the_default_is_what_it_was():
    codec = Tokenizer()
    assert isinstance(codec.analysis, PatchAnalysis) and codec.stages == 8
    assert Tokenizer(width=16).analysis.refine[0].out_channels == 16
    assert isinstance(Tokenizer(transform="patch-mlp").analysis, PatchMlpAnalysis)


def test_the_zoo_weights_load_under_the_same_keys():
    folder = Path(builtin.zoo_folder()) / "tokenizer"
    codec = tinify.build(folder / "codec.toml")
    codec.load_state_dict(load_file(folder / "weights.safetensors"))
    assert read_toml(folder / "codec.toml")["codec"]["stages"] == codec.stages


@pytest.mark.parametrize("arguments, message", [
    ({"transform": "patch-mpl"}, "did you mean 'patch-mlp"),
    ({"transform": {"name": "mdct", "windw": "sine"}}, "windw"),
    ({"transform": "identity", "width": 8}, "width"),
    ({"transform": {"window": "kbd"}}, "a name"),
    ({"transform": {"analysis": MdctAnalysis(8), "synthesis": {"name": "mdct-synthesis", "patch": 8}}}, "patch of 8"),
    ({"quantizer": "scalar-tokens", "stages": 3}, "leave it out"),
    ({"quantizer": "scalar-tokens", "patch": 256, "codebook_size": 4}, "at most 255"),
    ({"quantizer": "uniform-ste"}, "codebook_size|dim"),
    ({"quantizer": ResidualQuantizer([FiniteScalarQuantizer(4, 30)])}, "takes 4 numbers"),
    ({"quantizer": ResidualQuantizer([FiniteScalarQuantizer(16, 30), FiniteScalarQuantizer(16, 60)])}, "same number"),
    ({"prior": "gaussian-conditional"}, "no prior of tokens"),
    ({"prior": {"name": "histogram", "levels": 3}}, "3 levels of 256"),
])  # fmt: skip
def test_compositions_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises((ConfigError, TinifyError), match=message):
        Tokenizer(**arguments)
