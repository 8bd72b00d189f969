# SPDX-License-Identifier: Apache-2.0
import copy
import pickle

import pytest
import torch

from tinify.entropy_coder import using_entropy_coder
from tinify.entropy_models import EntropyBottleneck, GaussianConditional
from tinify.errors import InputError, TinifyError, UnknownComponentError, WeightsError

CODERS = ["rans32", "rans64", "rangecoder"]


def _symbols(shape, rows=64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    symbols = (torch.randn(shape, generator=generator) * 20).round().int()
    return symbols, torch.randint(rows, shape, generator=generator, dtype=torch.int32)


@pytest.mark.parametrize("name", CODERS)
@pytest.mark.parametrize("shape", [(1, 5), (3, 4, 6, 7), (2, 4, 0, 7), (0, 4)])
def test_every_coder_gives_back_the_symbols(name, shape):
    symbols, indexes = _symbols(shape)
    model = GaussianConditional(entropy_coder=name)
    strings = model.encode(symbols, indexes)
    assert len(strings) == shape[0] and all(isinstance(s, bytes) for s in strings)
    assert torch.equal(model.decode(strings, indexes), symbols)


def test_tensors_of_any_memory_layout_are_coded_in_their_logical_order():
    symbols, indexes = _symbols((2, 4, 6, 7))
    model = GaussianConditional()
    expected = model.encode(symbols, indexes)
    layout = torch.channels_last
    assert model.encode(symbols.contiguous(memory_format=layout), indexes.contiguous(memory_format=layout)) == expected


def test_a_batch_gives_the_strings_of_its_items_one_by_one():
    symbols, indexes = _symbols((3, 50))
    model = GaussianConditional()
    one_by_one = [model.encode(s[None], i[None])[0] for s, i in zip(symbols, indexes, strict=True)]
    assert model.encode(symbols, indexes) == one_by_one


def test_tables_are_built_on_first_use_and_not_again():
    model = GaussianConditional()
    assert model.quantized_cdf.numel() == 0
    model.encode(*_symbols((1, 5)))
    built = model.quantized_cdf
    assert built.shape[0] == model.cdf_length.shape[0] == model.offset.shape[0] == 64
    assert model.update() is False and model.quantized_cdf is built
    assert model.update(force=True) is True and torch.equal(model.quantized_cdf, built)


def test_the_coder_given_to_a_model_wins_over_the_one_in_use():
    symbols, indexes = _symbols((1, 200))
    with using_entropy_coder("rans64"):
        own, default = GaussianConditional(entropy_coder="rangecoder"), GaussianConditional()
        assert own.encode(symbols, indexes) == GaussianConditional(entropy_coder="rangecoder").encode(symbols, indexes)
        assert default.encode(symbols, indexes) == GaussianConditional(entropy_coder="rans64").encode(symbols, indexes)
        assert own.encode(symbols, indexes) != default.encode(symbols, indexes)


def test_a_model_follows_the_coder_in_use_from_call_to_call():
    symbols, indexes = _symbols((1, 200))
    model = GaussianConditional()
    first = model.encode(symbols, indexes)
    with using_entropy_coder("rans64"):
        inside = model.encode(symbols, indexes)
        assert torch.equal(model.decode(inside, indexes), symbols)
    assert model.encode(symbols, indexes) == first != inside


def test_an_unknown_coder_is_named_when_it_is_needed():
    with pytest.raises(UnknownComponentError, match="rans33"):
        GaussianConditional(entropy_coder="rans33").encode(*_symbols((1, 5)))


def test_tables_of_another_precision_are_refused():
    with pytest.raises(InputError, match="16"):
        GaussianConditional(entropy_coder_precision=12)


def test_loading_weights_after_use_replaces_the_tables_that_the_coder_holds():
    symbols, indexes = _symbols((1, 100), rows=3)
    fine, coarse = GaussianConditional([1.0, 5.0, 30.0]), GaussianConditional([0.5, 2.0, 8.0])
    assert fine.encode(symbols, indexes) != (expected := coarse.encode(symbols, indexes))
    fine.load_state_dict(coarse.state_dict())
    assert fine.encode(symbols, indexes) == expected


def test_weights_without_tables_make_a_used_model_build_its_tables_anew():
    model, other = EntropyBottleneck(3), EntropyBottleneck(3)
    x = torch.randn(1, 3, 8, 8) * 4
    model.compress(x)
    with torch.no_grad():
        other.quantiles[:, :, 2] = 40.0
    weights = {k: v for k, v in other.state_dict().items() if not k.startswith(("_quantized_cdf", "_cdf_l", "_offset"))}
    model.load_state_dict(weights)
    assert model.compress(x) == other.compress(x)
    assert torch.equal(model.quantized_cdf, other.quantized_cdf)


def test_tables_that_do_not_fit_together_are_refused():
    model = GaussianConditional([1.0, 2.0])
    model.update()
    weights = {**model.state_dict(), "_offset": torch.zeros(3, dtype=torch.int32)}
    with pytest.raises(WeightsError, match="do not fit together"):
        GaussianConditional().load_state_dict(weights)


@pytest.mark.parametrize("damage", ["falling", "short", "long row"])
def test_tables_that_are_no_distributions_are_refused_when_they_are_used(damage):
    model = GaussianConditional([1.0, 2.0])
    model.update()
    weights = {k: v.clone() for k, v in model.state_dict().items()}
    if damage == "falling":
        weights["_quantized_cdf"][0, 3] = 0
    elif damage == "short":
        weights["_quantized_cdf"] = weights["_quantized_cdf"][:, :5].clone()
    else:
        weights["_cdf_length"][1] = 1_000_000
    with pytest.raises(TinifyError):
        model.load_state_dict(weights)
        model.encode(*_symbols((1, 10), rows=2))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["copy", "pickle"])
def test_a_model_that_has_coded_can_be_copied_and_pickled(duplicate):
    symbols, indexes = _symbols((1, 30))
    model = GaussianConditional()
    strings = model.encode(symbols, indexes)
    other = duplicate(model)
    assert other.encode(symbols, indexes) == strings
    assert torch.equal(other.decode(strings, indexes), symbols)


def test_symbols_and_indexes_of_different_shapes_are_refused():
    symbols, indexes = _symbols((2, 10))
    with pytest.raises(ValueError, match="one"):
        GaussianConditional().encode(symbols, indexes[:, :5])
    with pytest.raises(ValueError, match="one"):
        GaussianConditional().encode(symbols[0], indexes[0])


def test_strings_for_another_batch_size_are_refused():
    symbols, indexes = _symbols((2, 10))
    model = GaussianConditional()
    with pytest.raises(ValueError, match="batch"):
        model.decode(model.encode(symbols, indexes)[:1], indexes)


@pytest.mark.parametrize("name", CODERS)
@pytest.mark.parametrize("damage", [lambda s: s[:-5], lambda s: b"", lambda s: s[:2]], ids=["cut", "empty", "head"])
def test_a_string_that_is_cut_off_is_an_error_not_a_guess(name, damage):
    symbols, indexes = _symbols((1, 2000))
    model = GaussianConditional(entropy_coder=name)
    with pytest.raises(TinifyError):
        model.decode([damage(model.encode(symbols, indexes)[0])], indexes)


@pytest.mark.parametrize("name", ["rans32", "rangecoder"])
def test_other_tables_than_the_encoders_are_noticed(name):
    symbols, indexes = _symbols((1, 2000), rows=2)
    strings = GaussianConditional([3.0, 20.0], entropy_coder=name).encode(symbols, indexes)
    with pytest.raises(TinifyError):
        GaussianConditional([3.1, 20.0], entropy_coder=name).decode(strings, indexes)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 3e9, -3e9])
def test_values_that_are_no_32_bit_integers_cannot_be_coded(value):
    y = torch.zeros(1, 2, 4, 4)
    y[0, 1, 2, 3] = value
    with pytest.raises(InputError):
        GaussianConditional().compress(y, torch.zeros_like(y).int())
    with pytest.raises(InputError):
        EntropyBottleneck(2).compress(y)


def test_quantization_modes():
    model, y, means = GaussianConditional(), torch.tensor([[0.2, 1.7, -2.4]]), torch.tensor([[0.5, 0.5, 0.5]])
    assert model.quantize(y, "symbols", means).tolist() == [[0, 1, -3]]
    assert model.quantize(y, "symbols").dtype == torch.int32
    assert model.quantize(y, "dequantize", means).tolist() == [[0.5, 1.5, -2.5]]
    noisy = torch.cat([model.quantize(y, "noise", means) - y for _ in range(200)])
    assert noisy.abs().max() <= 0.5 and noisy.max() > 0.45 and noisy.min() < -0.45
    with pytest.raises(ValueError, match="nearest"):
        model.quantize(y, "nearest")


def test_quantization_leaves_its_input_alone():
    model, y = GaussianConditional(), torch.tensor([[0.2, 1.7]])
    for mode in ("noise", "dequantize", "symbols"):
        model.quantize(y, mode, torch.ones(1, 2))
    assert torch.equal(y, torch.tensor([[0.2, 1.7]]))
