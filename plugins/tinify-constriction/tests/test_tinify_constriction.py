# SPDX-License-Identifier: Apache-2.0
"""Both coders keep the contract, code what real codecs give them, and are nearly as short as they can be."""

import numpy as np
import pytest
import torch

import tinify
from tinify import container, plugins, registry, testing
from tinify.entropy_models import EntropyBottleneck
from tinify.latent_codecs.tokens import TokenLatentCodec

CODERS = ["constriction-range", "constriction-ans"]


def drawn(count=20000):
    """Symbols of two rows as their tables have them, and the bits that they cost."""
    shares = np.array([[40000, 20000, 5000, 535, 1], [100, 200, 300, 64935, 1]])
    cdfs = np.concatenate([np.zeros((2, 1), int), shares.cumsum(1)], axis=1).astype(np.int32)
    rng = np.random.default_rng(0)
    indexes = np.repeat(rng.integers(0, 2, count // 50), 50).astype(np.uint8)
    symbols = np.array([rng.choice(4, p=shares[i, :4] / shares[i, :4].sum()) for i in indexes], np.int32)
    bits = -np.log2(shares[indexes, symbols] / 65536).sum()
    return symbols - 1, indexes, (cdfs, np.array([6, 6], np.int32), np.array([-1, -1], np.int32)), bits


def test_the_plugin_is_sound_and_brings_both_coders():
    (plugin,) = (plugin for plugin in plugins.host().plugins if plugin.name == "constriction")
    assert (plugin.status, plugin.problems) == ("ok", [])
    assert {row.name for row in plugin.components} == set(CODERS)


@pytest.mark.parametrize("name", CODERS)
def test_it_keeps_the_contract_of_a_coder(name):
    testing.check_coder(registry.build("coder", name))


@pytest.mark.parametrize("name", CODERS)
def test_streams_are_within_a_fifth_of_a_percent_of_the_entropy(name):
    symbols, indexes, tables, bits = drawn()
    coder = registry.build("coder", name)
    data = coder.encode(symbols, indexes, coder.tables(*tables))
    assert bits <= 8 * len(data) <= 1.002 * bits + 8 * 16


@pytest.mark.parametrize("name", CODERS)
def test_pieces_need_not_be_those_that_were_pushed(name):
    symbols, indexes, tables, _ = drawn(1000)
    coder = registry.build("coder", name)
    tables = coder.tables(*tables)
    decoder = coder.decoder(coder.encode(symbols, indexes, tables))
    pieces = [decoder.pull(part, tables) for part in np.array_split(indexes, [3, 60, 61, 400])]
    decoder.finish()
    assert np.array_equal(np.concatenate(pieces), symbols)


@pytest.mark.parametrize("name", CODERS)
def test_calls_by_row_and_calls_by_symbol_are_one_stream(name, monkeypatch):
    symbols, indexes, tables, _ = drawn(1000)
    coder = registry.build("coder", name)
    tables = coder.tables(*tables)
    data = coder.encode(symbols, indexes, tables)
    monkeypatch.setattr("tinify_constriction.coders._SHORT", 1000)
    assert coder.encode(symbols, indexes, tables) == data
    assert np.array_equal(coder.decode(data, indexes, tables), symbols)


@pytest.mark.parametrize("name", CODERS)
def test_other_indexes_are_a_desync(name):
    symbols, indexes, tables, _ = drawn(1000)
    coder = registry.build("coder", name)
    tables = coder.tables(*tables)
    with pytest.raises(tinify.DesyncError):
        coder.decode(coder.encode(symbols, indexes, tables), 1 - indexes, tables)


@pytest.mark.parametrize("name", CODERS)
def test_every_length_of_a_stream_and_random_bytes_are_a_format_error_or_the_right_shape(name):
    symbols, indexes, tables, _ = drawn(200)
    coder = registry.build("coder", name)
    tables = coder.tables(*tables)
    data, rng = coder.encode(symbols, indexes, tables), np.random.default_rng(1)
    hostile = [data[:size] for size in range(len(data))] + [rng.bytes(size) for size in range(0, 120)]
    for bad in hostile:
        with pytest.raises(tinify.FormatError):
            coder.decode(bad, indexes, tables)


@pytest.mark.parametrize("name", CODERS)
def test_rows_of_one_bin_code_everything_as_outside(name):
    coder = registry.build("coder", name)
    tables = coder.tables(np.array([[0, 65536]], np.int32), np.array([2], np.int32), np.array([0], np.int32))
    symbols = np.array([5, -7, 2**31 - 1, -(2**31)], np.int32)
    data = coder.encode(symbols, np.zeros(4, np.uint8), tables)
    assert np.array_equal(coder.decode(data, np.zeros(4, np.uint8), tables), symbols)


@pytest.mark.parametrize("name", CODERS)
def test_an_entropy_model_codes_with_it(name):
    torch.manual_seed(0)
    model = EntropyBottleneck(4, entropy_coder=name)
    x = 3 * torch.randn(2, 4, 8, 8)
    restored = model.decompress(model.compress(x), (8, 8))
    assert torch.allclose(restored, (x - model.medians_like(x.shape)).round() + model.medians_like(x.shape))


@pytest.mark.parametrize("name", CODERS)
def test_a_tokenizer_codes_with_it_and_its_files_name_this_plugin(name):
    torch.manual_seed(0)
    codec = tinify.build({"kind": "codec", "name": "tokenizer", "patch": 8, "stages": 2, "codebook_size": 16})
    latent = codec.latent_codec
    own = registry.build_config({"kind": "codec", "name": "tokenizer", "patch": 8, "stages": 2, "codebook_size": 16,
                                 "coder": name})  # fmt: skip
    own.load_state_dict(codec.state_dict())
    assert isinstance(own.latent_codec, TokenLatentCodec) and type(own.latent_codec.coder) is not type(latent.coder)
    own.name, codec.name, x = "mine", "core", np.sin(np.arange(400) / 9).astype(np.float32)
    data = tinify.compress(x, codec=own.eval())
    assert [line.split()[0] for line in container.requirements_of(container.unpack(data))] == ["tinify-constriction"]
    expected = tinify.decompress(tinify.compress(x, codec=codec.eval()), codec=codec)
    assert np.array_equal(tinify.decompress(data, codec=own), expected)
