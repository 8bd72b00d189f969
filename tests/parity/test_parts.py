# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from tinify import _core, ans, layers
from tinify.entropy_coder import using_entropy_coder
from tinify.entropy_models import EntropyBottleneck, GaussianConditional

from .compressai_strings import to_bytes

pytestmark = pytest.mark.parity


@pytest.fixture(autouse=True)
def _their_coder():
    with using_entropy_coder("ans"):
        yield


@pytest.mark.parametrize("gradients", [False, True])
def test_normalisation_is_equal(theirs, gradients):
    for case in theirs["layers"]:
        layer = getattr(layers, case["name"])(6, inverse=case["inverse"])
        layer.load_state_dict(case["state"])
        with torch.set_grad_enabled(gradients):
            torch.testing.assert_close(layer(case["x"]).detach(), case["y"], rtol=1e-6, atol=1e-6)


def test_an_entropy_bottleneck_finds_the_same_quantiles_and_tables(theirs):
    case = theirs["bottleneck"]
    model = EntropyBottleneck(5).eval()
    model.load_state_dict(case["parameters"])
    model.update(update_quantiles=True)
    for key, value in case["state"].items():
        assert torch.equal(model.state_dict()[key], value), key


@torch.no_grad()
def test_an_entropy_bottleneck_gives_the_same_values_and_strings(theirs):
    case = theirs["bottleneck"]
    model = EntropyBottleneck(5).eval()
    model.load_state_dict(case["state"])
    y_hat, likelihoods = model(case["x"])
    assert torch.equal(y_hat, case["y_hat"])
    torch.testing.assert_close(likelihoods, case["likelihoods"], rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(model.loss(), case["loss"])
    (strings,) = to_bytes(case["strings"])
    assert model.compress(case["x"]) == strings
    assert torch.equal(model.decompress(strings, (8, 9)), case["y_hat"])
    assert case["y_hat_training"].abs().max() <= 0.5 and (model.train()(case["x"])[0] - case["x"]).abs().max() <= 0.5


@torch.no_grad()
def test_a_gaussian_conditional_has_the_same_tables_indexes_values_and_strings(theirs):
    for case in theirs["gaussians"]:
        model = GaussianConditional(case["table"]).eval()
        model.update()
        for key, value in case["state"].items():
            assert torch.equal(model.state_dict()[key], value), key
        indexes = model.build_indexes(case["scales"])
        assert torch.equal(indexes, case["indexes"])
        y_hat, likelihoods = model(case["y"], case["scales"], case["means"])
        assert torch.equal(y_hat, case["y_hat"])
        torch.testing.assert_close(likelihoods, case["likelihoods"], rtol=1e-5, atol=1e-7)
        (strings,) = to_bytes(case["strings"])
        assert model.compress(case["y"], indexes, case["means"]) == strings
        assert torch.equal(model.decompress(strings, indexes, means=case["means"]), case["y_hat"])


@pytest.mark.parametrize("form", [torch.Tensor.tolist, torch.Tensor.numpy], ids=["lists", "arrays"])
def test_encoders_write_the_same_bytes(theirs, form):
    case = theirs["coder"]
    symbols, indexes, ((whole, buffered),) = form(case["symbols"]), form(case["indexes"]), to_bytes(case["strings"])
    assert ans.RansEncoder().encode_with_indexes(symbols, indexes, *case["tables"]) == whole
    encoder = ans.BufferedRansEncoder()
    for part in (slice(0, 0), slice(0, 1), slice(1, 3000), slice(3000, 5000)):
        encoder.encode_with_indexes(symbols[part], indexes[part], *case["tables"])
    assert encoder.flush() == buffered


def test_decoders_read_their_bytes_whole_and_in_parts(theirs):
    case = theirs["coder"]
    ((whole, buffered),) = to_bytes(case["strings"])
    symbols, indexes = case["symbols"].tolist(), case["indexes"].tolist()
    decoder = ans.RansDecoder()
    assert decoder.decode_with_indexes(whole, indexes, *case["tables"]) == symbols
    decoder.set_stream(buffered)
    parts = [decoder.decode_stream(indexes[s : s + 1250], *case["tables"]) for s in range(0, 5000, 1250)]
    assert [value for part in parts for value in part] == symbols


def test_probabilities_become_the_same_integers(theirs):
    case = theirs["coder"]
    for precision, cdfs in zip((16, 12), case["cdfs"], strict=True):
        for pmf, cdf in zip(case["pmfs"], cdfs, strict=True):
            assert np.array_equal(_core.pmf_to_quantized_cdf(pmf.numpy(), precision), cdf)
