# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from tinify.layers import GDN, GDN1
from tinify.layers.gdn import _CHUNK


def _random(kind=GDN, channels=6, **kwargs):
    torch.manual_seed(3)
    layer = kind(channels, **kwargs)
    with torch.no_grad():
        layer.beta.copy_(layer.beta_reparam.init(torch.rand(channels) + 0.5))
        layer.gamma.copy_(layer.gamma_reparam.init(torch.rand(channels, channels)))
    return layer


def _values(layer):
    return layer.beta_reparam(layer.beta).detach(), layer.gamma_reparam(layer.gamma).detach()


@pytest.mark.parametrize("inverse", [False, True])
def test_each_channel_is_normalised_by_the_weighted_energy_of_all(inverse):
    layer, x = _random(inverse=inverse), torch.randn(2, 6, 5, 4)
    beta, gamma = _values(layer)
    norm = torch.sqrt(beta[None, :, None, None] + torch.einsum("ij,bjhw->bihw", gamma, x**2))
    torch.testing.assert_close(layer(x).detach(), x * norm if inverse else x / norm, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("inverse", [False, True])
def test_the_simplified_form_uses_magnitudes(inverse):
    layer, x = _random(GDN1, inverse=inverse), torch.randn(2, 6, 5, 4)
    beta, gamma = _values(layer)
    norm = beta[None, :, None, None] + torch.einsum("ij,bjhw->bihw", gamma, x.abs())
    with torch.no_grad():
        torch.testing.assert_close(layer(x), x * norm if inverse else x / norm, rtol=1e-5, atol=1e-6)


def test_inverse_undoes_the_normalisation_where_channels_do_not_mix():
    x = torch.randn(1, 4, 3, 3)
    forward, inverse = GDN(4, gamma_init=0.0), GDN(4, inverse=True, gamma_init=0.0)
    torch.testing.assert_close(inverse(forward(x)), x)


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (7, 3), (1, _CHUNK + 1), (64, 2 * _CHUNK // 64)])
def test_inference_in_chunks_equals_training(inverse, size):
    layer, x = _random(inverse=inverse), torch.randn(2, 6, *size)
    with torch.no_grad():
        chunked = layer(x)
    torch.testing.assert_close(chunked, layer(x).detach(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_inference_takes_any_memory_format_and_leaves_its_input_alone(memory_format):
    layer = _random()
    x = torch.randn(2, 6, 8, 9).contiguous(memory_format=memory_format)[:, :, 1:, ::2]
    kept = x.clone()
    with torch.inference_mode():
        out = layer(x)
    torch.testing.assert_close(out, layer(kept).detach(), rtol=1e-6, atol=1e-6)
    assert torch.equal(x, kept)


def test_inference_in_double_precision_stays_in_double_precision():
    layer, x = _random().double(), torch.randn(1, 6, 4, 4, dtype=torch.float64)
    with torch.no_grad():
        assert layer(x).dtype == torch.float64


def test_gradients_agree_with_finite_differences():
    layer = _random(channels=3).double()
    x = torch.randn(1, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, (x,))


def test_every_parameter_gets_a_gradient():
    layer = _random()
    layer(torch.randn(1, 6, 4, 4)).square().sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in layer.parameters())


def test_state_dict_has_the_names_of_published_checkpoints():
    assert set(GDN(4).state_dict()) == {
        "beta", "gamma", "beta_reparam.pedestal", "beta_reparam.lower_bound.bound",
        "gamma_reparam.pedestal", "gamma_reparam.lower_bound.bound",
    }  # fmt: skip
