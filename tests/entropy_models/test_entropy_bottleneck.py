# SPDX-License-Identifier: Apache-2.0
import re

import pytest
import torch

from tinify.entropy_models import EntropyBottleneck
from tinify.errors import FormatError, TinifyError, WeightsError


def _random(channels=4, seed=0, **kwargs):
    """Channels of different shapes, medians off the integers, tails where they belong."""
    torch.manual_seed(seed)
    model = EntropyBottleneck(channels, **kwargs)
    with torch.no_grad():
        for bias, factor in zip(model.biases, model.factors, strict=False):
            bias.uniform_(-2, 2)
            factor.uniform_(-1, 1)
    model.update(update_quantiles=True)
    return model.eval()


def test_the_likelihoods_of_all_integers_sum_to_one():
    model = _random()
    grid = torch.arange(-3000.0, 3000.0).expand(1, 4, -1)
    _, likelihoods = model(grid)
    torch.testing.assert_close(likelihoods.sum(2), torch.ones(1, 4), rtol=0, atol=1e-4)


@pytest.mark.parametrize("shape", [(2, 4), (2, 4, 3), (2, 4, 3, 5), (2, 4, 1, 2, 3)])
def test_outputs_have_the_shape_of_the_input_and_lie_on_the_grid_of_the_medians(shape):
    model, x = _random(), torch.randn(shape) * 5
    y_hat, likelihoods = model(x)
    assert y_hat.shape == likelihoods.shape == x.shape
    steps = y_hat - model.medians_like(x.shape)
    torch.testing.assert_close(steps, steps.round(), rtol=0, atol=1e-5)
    assert (y_hat - x).abs().max() <= 0.5 + 1e-5


def test_training_adds_noise_of_one_step_and_every_network_parameter_gets_a_gradient():
    model, x = _random().train(), torch.randn(2, 4, 8, 8) * 5
    y_hat, likelihoods = model(x)
    assert 0.4 < (y_hat - x).abs().max() <= 0.5
    likelihoods.log().sum().backward()
    assert all(p.grad is not None and p.grad.any() for n, p in model.named_parameters() if n != "quantiles")


def test_the_quantile_loss_moves_the_quantiles_only():
    model = EntropyBottleneck(3)
    model.loss().backward()
    assert model.quantiles.grad.any()
    assert all(p.grad is None for n, p in model.named_parameters() if n != "quantiles")


def test_the_quantile_loss_leads_to_where_bisection_goes_at_once():
    by_steps, at_once = EntropyBottleneck(2, tail_mass=1e-2), EntropyBottleneck(2, tail_mass=1e-2)
    at_once.load_state_dict(by_steps.state_dict())
    at_once.update(update_quantiles=True)
    optimizer = torch.optim.Adam([by_steps.quantiles], lr=0.3)
    for step in range(300):
        optimizer.param_groups[0]["lr"] = 0.3 * (1 - step / 300)
        optimizer.zero_grad()
        by_steps.loss().backward()
        optimizer.step()
    torch.testing.assert_close(by_steps.quantiles, at_once.quantiles, rtol=0.02, atol=0.05)


def test_bisection_puts_the_tail_mass_outside_the_outer_quantiles_and_the_median_between():
    model = _random(tail_mass=1e-4)
    cumulative = torch.sigmoid(model._logits_cumulative(model.quantiles, stop_gradient=True))[:, 0]
    expected = torch.tensor([0.5e-4, 0.5, 1 - 0.5e-4]).expand(4, 3)
    torch.testing.assert_close(cumulative, expected, rtol=0.02, atol=1e-3)


def test_tables_are_16_bit_distributions_over_the_integers_between_the_quantiles():
    model = _random()
    low, median, high = model.quantiles[:, 0].unbind(1)
    assert torch.equal(model.offset, -torch.ceil(median - low).int())
    assert torch.equal(model.cdf_length - 3, (torch.ceil(median - low) + torch.ceil(high - median)).int())
    for row, length in zip(model.quantized_cdf, model.cdf_length.tolist(), strict=True):
        assert row[0] == 0 and row[length - 1] == 65536 and row[:length].diff().min() >= 1


def test_tables_agree_with_the_likelihoods():
    model = _random()
    for channel, offset in enumerate(model.offset.tolist()):
        counts = model.quantized_cdf[channel, : model.cdf_length[channel]].diff()[:-1]
        values = torch.arange(len(counts)) + offset + model._get_medians()[channel]
        x = torch.zeros(1, 4, len(counts))
        x[0, channel] = values
        torch.testing.assert_close(counts / 65536, model(x)[1][0, channel].detach(), rtol=0.01, atol=5e-4)


@pytest.mark.parametrize("shape", [(1, 4, 3, 5), (3, 4, 8, 8), (2, 4, 0, 3), (1, 4, 1, 1), (2, 4, 6)])
def test_decompressed_values_are_those_of_forward(shape):
    model, x = _random(), torch.randn(shape) * 6
    strings = model.compress(x)
    assert len(strings) == shape[0]
    torch.testing.assert_close(model.decompress(strings, shape[2:]), model(x)[0].detach(), rtol=0, atol=1e-5)


def test_values_far_outside_the_table_survive():
    model = _random()
    x = torch.zeros(1, 4, 5)
    x[0, 1] = torch.tensor([1e3, -1e3, 1e5, -1e6, 3e6])
    assert torch.equal(model.decompress(model.compress(x), (5,)), model(x)[0].detach())


def test_the_first_use_builds_the_tables():
    model = EntropyBottleneck(3)
    assert model.offset.numel() == 0
    model.decompress(model.compress(torch.randn(1, 3, 4, 4)), (4, 4))
    assert model.offset.shape == (3,)
    assert model.update() is False and model.update(force=True) is True


@pytest.mark.parametrize(
    "old_name",
    [
        lambda key: re.sub(r"^(matri|bias|factor)(ces|es|s)\.(\d)", r"_\1\3", key).replace("_matri", "_matrix"),
        lambda key: re.sub(r"^(matrices|biases|factors)\.(\d)", r"_\1.\2", key),
    ],
    ids=["_matrix0", "_matrices.0"],
)
@pytest.mark.parametrize("prefixes", [("",), ("eb.", "eb2.")], ids=["alone", "two whose names begin alike"])
def test_checkpoints_with_the_old_parameter_names_load(old_name, prefixes):
    models = {prefix: _random(seed=i) for i, prefix in enumerate(prefixes)}
    old = {prefix + old_name(key): v for prefix, m in models.items() for key, v in m.state_dict().items()}
    assert any(re.search(r"_(matrix0|matrices\.0)$", key) for key in old)
    if prefixes == ("",):
        target = EntropyBottleneck(4)
    else:
        target = torch.nn.ModuleDict({prefix[:-1]: EntropyBottleneck(4) for prefix in prefixes})
    target.load_state_dict(old)
    for prefix, model in models.items():
        loaded = target if prefix == "" else target[prefix[:-1]]
        for key, value in model.state_dict().items():
            assert torch.equal(loaded.state_dict()[key], value), key


def test_loading_leaves_the_callers_state_dict_alone():
    old = {key.replace("matrices.", "_matrix"): v for key, v in EntropyBottleneck(2).state_dict().items()}
    keys = set(old)
    EntropyBottleneck(2).load_state_dict(old)
    assert set(old) == keys


def test_tables_of_any_size_load_with_the_weights():
    wide = _random()
    model = EntropyBottleneck(4)
    model.update()
    assert model.quantized_cdf.shape != wide.quantized_cdf.shape
    model.load_state_dict(wide.state_dict())
    x = torch.randn(1, 4, 8, 8) * 5
    assert model.compress(x) == wide.compress(x)


def test_more_symbols_than_bytes_can_hold_are_refused_before_memory_is_taken():
    with pytest.raises(FormatError, match="cannot hold"):
        _random().decompress([bytes(100)], (100_000, 100_000))


@pytest.mark.parametrize("value", [float("nan"), 1e30])
def test_quantiles_that_no_table_can_hold_are_refused(value):
    model = EntropyBottleneck(2)
    with torch.no_grad():
        model.quantiles[0, 0, 2] = value
    with pytest.raises(WeightsError, match="quantiles"):
        model.update()


def test_broken_weights_do_not_hang_the_search_for_quantiles():
    model = EntropyBottleneck(2)
    with torch.no_grad():
        model.biases[0].fill_(float("nan"))
    with pytest.raises(TinifyError):
        model.update(update_quantiles=True)
