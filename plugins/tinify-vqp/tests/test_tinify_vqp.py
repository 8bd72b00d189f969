# SPDX-License-Identifier: Apache-2.0
"""Every quantizer keeps the contract, codes series in real files, trains, and is the library's own."""

import numpy as np
import pytest
import torch
import vector_quantize_pytorch as vqp

import tinify
from tinify import container, plugins, registry, testing

DIM, SIZE = 8, 16
SINGLE = ["vqp-vq", "vqp-simvq", "vqp-fsq", "vqp-lfq"]
RESIDUAL = ["vqp-residual-vq", "vqp-residual-simvq", "vqp-residual-fsq", "vqp-residual-lfq"]
STAGES = 3


def built(name, **options):
    torch.manual_seed(0)
    if name in RESIDUAL:
        options = {"num_quantizers": STAGES, **options}
    return registry.build("quantizer", name, **{"dim": DIM, "codebook_size": SIZE, **options})


def vectors(*shape):
    return torch.randn(*shape, DIM, generator=torch.Generator().manual_seed(1))


def series():
    t = np.arange(200)[:, None] / 20
    x = np.concatenate([np.sin(t), np.cos(2 * t) + 3], axis=1).astype(np.float32)
    x[50:60, 1] = np.nan
    return tinify.Signal("series", x, {"csv": b"header"})


def tokenizer(name, **options):
    torch.manual_seed(0)
    whole = {"name": name, "num_quantizers": STAGES} if name in RESIDUAL else {"name": name}
    stages = {} if name in RESIDUAL else {"stages": STAGES}
    config = {"patch": 8, "codebook_size": SIZE, "width": 8, "quantizer": whole, **stages, **options}
    return tinify.build({"kind": "codec", "name": "tokenizer", **config})


def test_the_plugin_is_sound_and_brings_every_quantizer():
    (plugin,) = (plugin for plugin in plugins.host().plugins if plugin.name == "vqp")
    assert (plugin.status, plugin.problems) == ("ok", [])
    assert {row.name for row in plugin.components} == {*SINGLE, *RESIDUAL}


@pytest.mark.parametrize("name", SINGLE + RESIDUAL)
def test_it_keeps_the_contract_of_a_quantizer(name):
    testing.check_quantizer(built(name), vectors(3, 20))


@pytest.mark.parametrize("name", SINGLE + RESIDUAL)
def test_a_tokenizer_of_it_keeps_the_contract_of_a_codec(name):
    codec = tokenizer(name)
    codec.train()(torch.randn(4, 1, 64))  # places what the first batch places
    testing.check_codec(codec.eval(), series())


@pytest.mark.parametrize("name", SINGLE + RESIDUAL)
@pytest.mark.parametrize("prior", ["histogram", "markov1"])
def test_what_a_file_restores_is_what_the_tokens_stand_for(name, prior):
    codec = tokenizer(name, prior=prior).eval()
    x = torch.randn(2, 1, 80, generator=torch.Generator().manual_seed(2))
    for quality in (10, 60, 100):
        out = codec.compress(x, quality)
        tokens = codec.tokenize(x, quality)
        y_hat = codec.latent_codec.quantizer.dequantize(tokens[:, 0])
        restored = codec.decompress(out.strings, out.shape).x_hat
        assert torch.equal(restored[:, 0], codec.synthesis(y_hat).reshape(2, 80))


@pytest.mark.parametrize("name", ["vqp-simvq", "vqp-residual-fsq"])
def test_files_say_that_they_need_this_plugin(name):
    data = tinify.compress(series(), codec=_named(tokenizer(name).eval()))
    assert [line.split()[0] for line in container.requirements_of(container.unpack(data))] == ["tinify-vqp"]


def _named(codec):
    codec.name = "mine"
    return codec


@pytest.mark.parametrize("name", SINGLE + RESIDUAL)
def test_ten_steps_make_the_error_smaller_and_a_state_dict_brings_them_back(name):
    codec = tokenizer(name).train()
    t = torch.arange(64) / 10
    x = torch.stack([torch.sin(t * f) for f in (1, 2, 3, 5)])[:, None]
    optimizer, errors = torch.optim.Adam(codec.parameters(), 1e-2), []
    for _ in range(10):
        out = codec(x, STAGES)
        loss = (x - out.x_hat).square().mean()
        optimizer.zero_grad()
        (loss + 0.1 * codec.latent_codec.quantizer(codec.analysis(x[:, 0])).loss).backward()
        optimizer.step()
        errors.append(loss.item())
    assert errors[-1] < max(errors[0], 0.01)  # k-means on the first batch leaves nearly nothing
    fresh = tokenizer(name).eval()
    fresh.load_state_dict(codec.state_dict())
    assert fresh.fingerprint() == codec.eval().fingerprint()
    assert torch.equal(fresh.tokenize(x, 100), codec.tokenize(x, 100))


@pytest.mark.parametrize("name", RESIDUAL)
def test_the_sum_of_the_stages_codes_is_what_the_library_makes_of_its_tokens(name):
    quantizer = built(name).eval()
    y = vectors(4, 30)
    with torch.no_grad():
        theirs, tokens = quantizer.inner(y)[:2]
        assert torch.equal(quantizer.quantize(y), tokens.long())
        torch.testing.assert_close(quantizer.dequantize(tokens), theirs, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(
            quantizer.dequantize(tokens), quantizer.inner.get_output_from_indices(tokens), atol=1e-5, rtol=1e-5
        )


@pytest.mark.parametrize("name", RESIDUAL)
def test_fewer_stages_are_the_first_of_all_tokens(name):
    quantizer = built(name).eval()
    y = vectors(2, 9)
    assert torch.equal(quantizer.quantize(y, 2), quantizer.quantize(y)[..., :2])
    assert quantizer.train()(y, 1).symbols.shape == (2, 9, 1)


@pytest.mark.parametrize("name", SINGLE + RESIDUAL)
def test_bits_that_weigh_much_choose_the_cheapest_code(name):
    quantizer, y = built(name), vectors(2, 6)
    quantizer.eval()
    rate = torch.full((SIZE,), 20.0)
    rate[3] = 0.1
    size = quantizer.codebook_size
    tokens = quantizer.quantize(y, rate=[rate[:size]] * STAGES if name in RESIDUAL else rate[:size], lmbda=1e6)
    assert (tokens == 3).all()


def test_evaluation_does_not_place_codes_that_no_batch_has_placed():
    quantizer = built("vqp-residual-vq")
    before = {key: value.clone() for key, value in quantizer.state_dict().items()}
    quantizer.quantize(vectors(2, 40))
    assert all(torch.equal(value, before[key]) for key, value in quantizer.state_dict().items())


def test_evaluation_does_not_move_the_librarys_codes():
    quantizer = built("vqp-vq").train()
    quantizer(vectors(2, 40))
    before = quantizer.codebook().clone()
    quantizer.quantize(vectors(2, 40) + 1)
    assert quantizer.training and torch.equal(quantizer.codebook(), before)


def test_options_are_the_librarys_own_and_wrong_ones_are_a_config_error():
    quantizer = built("vqp-vq", codebook_dim=3, use_cosine_sim=True)
    assert isinstance(quantizer.inner, vqp.VectorQuantize)
    testing.check_quantizer(quantizer, vectors(3, 20))
    with pytest.raises(tinify.ConfigError, match="decya"):
        built("vqp-vq", decya=0.9)
    with pytest.raises(tinify.ConfigError, match="a power of two"):
        built("vqp-lfq", codebook_size=12)
    with pytest.raises(tinify.ConfigError, match=r"levels are \[9, 9\]"):
        built("vqp-fsq", levels=[9, 9])
