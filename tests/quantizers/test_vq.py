# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from tinify.errors import ConfigError
from tinify.quantizers import VectorQuantizer, k_means
from tinify.quantizers.search import nearest


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def clusters(count: int = 8, points: int = 64, spread: float = 0.01) -> torch.Tensor:
    centres = 5 * torch.randn(count, 1, 4)
    return (centres + spread * torch.randn(count, points, 4)).reshape(-1, 4)


def test_tokens_are_the_nearest_codes():
    quantizer, y = VectorQuantizer(4, 16), torch.randn(5, 7, 4)
    nearest = torch.cdist(y.reshape(-1, 4), quantizer.codebook).argmin(1).reshape(5, 7)
    assert torch.equal(quantizer.quantize(y), nearest)


def test_codes_quantize_to_themselves():
    quantizer = VectorQuantizer(3, 32)
    assert torch.equal(quantizer.quantize(quantizer.codebook), torch.arange(32))
    assert torch.equal(quantizer.dequantize(torch.arange(32)), quantizer.codebook)


def test_a_dear_code_is_avoided_when_bits_count():
    quantizer, y = VectorQuantizer(2, 4), torch.randn(50, 2)
    rate = torch.zeros(4)
    rate[quantizer.quantize(y)[0]] = 1000.0
    assert quantizer.quantize(y, rate, lmbda=1.0)[0] != quantizer.quantize(y)[0]
    assert torch.equal(quantizer.quantize(y, rate, lmbda=0.0), quantizer.quantize(y))


def test_rate_may_differ_from_vector_to_vector():
    quantizer, y = VectorQuantizer(2, 4), torch.randn(3, 5, 2)
    forced = torch.randint(4, (3, 5))
    rate = torch.full((3, 5, 4), 1e6).scatter_(-1, forced[..., None], 0.0)
    assert torch.equal(quantizer.quantize(y, rate, lmbda=1.0), forced)


def test_first_training_batch_places_the_codebook_by_k_means():
    quantizer = VectorQuantizer(4, 16).train()
    y = clusters()
    out = quantizer(y)
    assert (out.y_hat - y).square().mean() < 0.1 * y.square().mean()


def test_codebook_follows_data_that_moves():
    quantizer = VectorQuantizer(4, 8, decay=0.5).train()
    quantizer(clusters())
    for _ in range(30):
        out = quantizer(torch.full((64, 4), 3.0) + 0.01 * torch.randn(64, 4))
    assert (out.y_hat - 3.0).abs().max() < 0.1


def test_a_dead_code_is_put_where_the_data_is():
    quantizer = VectorQuantizer(4, 8, decay=0.5).train()
    quantizer(clusters())
    quantizer.codebook[0], quantizer.sums[0] = 1e3, 1e3
    for _ in range(20):
        quantizer(clusters(count=2))
    assert quantizer.codebook.abs().max() < 100


def test_eval_mode_leaves_the_codebook_alone():
    quantizer = VectorQuantizer(4, 8).eval()
    before = quantizer.codebook.clone()
    quantizer(torch.randn(64, 4))
    assert torch.equal(quantizer.codebook, before)


@pytest.mark.parametrize("gradient", ["straight-through", "rotation"])
def test_gradient_reaches_the_input_and_values_are_codes(gradient):
    quantizer = VectorQuantizer(4, 8, gradient=gradient).eval()
    y = torch.randn(32, 4, requires_grad=True)
    out = quantizer(y)
    assert torch.allclose(out.y_hat, quantizer.dequantize(out.symbols), atol=1e-5)
    out.y_hat.square().sum().backward()
    assert y.grad.abs().sum(dim=1).min() > 0


def test_commitment_loss_is_the_weighed_squared_error():
    quantizer, y = VectorQuantizer(4, 8, commitment=0.5).eval(), torch.randn(32, 4)
    out = quantizer(y)
    assert torch.allclose(out.loss, 0.5 * (y - out.y_hat).square().mean())


def test_k_means_finds_clusters_even_with_more_centres_than_points():
    assert k_means(torch.randn(3, 2), 8).shape == (8, 2)
    points = clusters(count=3)
    assert torch.cdist(points, k_means(points, 12)).min(1).values.mean() < 1.0


@pytest.mark.parametrize("wrong", [{"gradient": "magic"}, {"codebook_size": 0}])
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ConfigError):
        VectorQuantizer(4, **wrong)


@pytest.mark.parametrize(("codes", "dim"), [(1, 1), (3, 5), (16, 4), (100, 16), (256, 33)])
@pytest.mark.parametrize("rows", [0, 1, 47, 500])
def test_the_native_search_finds_the_cheapest_code(codes, dim, rows):
    random = torch.Generator().manual_seed(codes + rows)
    y, codebook = torch.randn(rows, dim, generator=random), torch.randn(codes, dim, generator=random)
    rate = torch.rand(codes, generator=random)
    cost = (y[:, None] - codebook).square().sum(-1) + 0.7 * rate
    chosen = nearest(y, codebook, rate, 0.7)
    assert torch.allclose(cost.gather(1, chosen[:, None])[:, 0], cost.min(dim=1).values, atol=1e-4)


def test_what_is_no_number_gets_a_code_that_is_there():
    assert nearest(torch.full((3, 2), float("nan")), torch.randn(5, 2)).max() < 5
