# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from tinify.entropy_models import EntropyBottleneck, EntropyBottleneckVbr
from tinify.errors import FormatError, WeightsError


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = EntropyBottleneckVbr(4, init_scale=6).eval()
    with torch.no_grad():
        for factor in model.factors:
            factor.uniform_(-0.5, 0.5)
        model.update(update_quantiles=True)
    return model


def values(batch=2, side=40):
    return torch.randn(batch, 4, side, side, generator=torch.Generator().manual_seed(1)) * 5


@torch.no_grad()
@pytest.mark.parametrize("width", [0.5, 1.0, 1.37, 6.0])
def test_strings_of_any_width_come_back_as_forward_has_them(model, width):
    x = values()
    strings, x_hat = model.coded(x, width)
    torch.testing.assert_close(x_hat, model(x, qs=torch.tensor(width))[0], rtol=0, atol=1e-5)
    assert torch.equal(model.decompress(strings, x.shape[2:], width), x_hat)
    assert (x - x_hat).abs().max() <= width / 2 + 1e-4


@torch.no_grad()
@pytest.mark.parametrize("width", [0.5, 1.37, 6.0])
def test_written_bytes_are_the_likelihoods_of_the_width(model, width):
    x = torch.randn(1, 4, 64, 64, generator=torch.Generator().manual_seed(2)) * 4
    estimated = -model(x, qs=width)[1].log2().sum().item() / 8
    assert abs(len(model.compress(x, width)[0]) - estimated) < 0.01 * estimated + 16


@torch.no_grad()
def test_without_a_width_it_is_the_plain_bottleneck(model):
    plain = EntropyBottleneck(4, init_scale=6).eval()
    plain.load_state_dict(model.state_dict())
    x = values()
    assert model.compress(x) == plain.compress(x)
    assert all(torch.equal(a, b) for a, b in zip(model(x), plain(x), strict=True))
    for mine, theirs in zip(model.tables_of(1.0), (plain.quantized_cdf, plain.cdf_length, plain.offset), strict=True):
        assert np.abs(mine - theirs.numpy()).max() <= 1


def test_the_rate_has_a_gradient_for_the_density_and_the_width(model):
    """CompressAI 1.2.8 takes bins of width 1 there, and stops the gradient."""
    width = torch.tensor(2.0, requires_grad=True)
    y_hat, likelihoods = model.train()(values(), qs=width)
    likelihoods.log().mean().backward()
    assert width.grad and all(p.grad.any() for p in (*model.matrices, *model.biases, *model.factors))
    assert (y_hat - values()).abs().max() <= 1


def test_a_wider_bin_is_likelier(model):
    narrow, wide = (model(values(), qs=width)[1].mean() for width in (0.5, 2.0))
    assert wide > 2 * narrow


def test_straight_through_rounds_in_training_and_passes_the_gradient(model):
    x = values().requires_grad_()
    y_hat, _ = model.train()(x, qs=1.5, ste=True)
    torch.testing.assert_close(y_hat, model(x, training=False, qs=1.5)[0])
    y_hat.sum().backward()
    assert torch.equal(x.grad, torch.ones_like(x))


def test_weights_have_the_names_of_compressai_and_come_back(model):
    state = model.state_dict()
    assert {"_matrix0", "_matrix4", "_bias4", "_factor3", "quantiles"} <= set(state)
    assert not any("matrices" in key for key in state)
    again = EntropyBottleneckVbr(4, init_scale=6).eval()
    again.load_state_dict(state)
    assert again.compress(values(), 1.5) == model.compress(values(), 1.5)


@torch.no_grad()
def test_tables_follow_changed_weights(model):
    before = model.compress(values(), 1.5)
    model.biases[0].add_(1)
    assert model.compress(values(), 1.5) != before


@torch.no_grad()
def test_damage_and_widths_that_need_too_wide_a_table_are_typed_errors(model):
    strings = model.compress(values(1), 0.7)
    with pytest.raises(FormatError):
        model.decompress([strings[0][: len(strings[0]) // 2]], (40, 40), 0.7)
    with pytest.raises(FormatError):
        model.decompress([b"ab"], (1 << 20, 1 << 20), 0.7)
    for width in (1e-5, 0.0, -1.0):
        with pytest.raises(WeightsError, match="widths"):
            model.compress(values(1), width)
