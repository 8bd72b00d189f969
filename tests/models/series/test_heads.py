# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from tinify.errors import ConfigError, InputError
from tinify.models.series import Tokenizer
from tinify.models.series.heads import Classifier, Forecaster, TokenEmbedding, TokenHead, pooled

QUANTIZERS = ["vq", "fsq", "lfq", "scalar-tokens"]


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("quantizer", QUANTIZERS)
def test_an_embedding_of_a_quantizer_begins_at_the_dequantized_latents(quantizer):
    codec = Tokenizer(patch=8, codebook_size=16, quantizer=quantizer).eval()
    tokens = codec.tokenize(torch.randn(2, 3, 40), quality=40)
    expected = codec.latent_codec.quantizer.dequantize(tokens)
    assert torch.allclose(TokenEmbedding.of(codec.latent_codec.quantizer)(tokens), expected, atol=1e-5)


def test_tokens_are_those_that_are_written():
    codec = Tokenizer(patch=8, stages=4, codebook_size=16).eval()
    x = torch.randn(2, 3, 40)
    out, tokens = codec.compress(x, 60), codec.tokenize(x, 60)
    assert tokens.shape == tuple(out.shape) == (2, 3, 5, 3)
    assert out.strings[0][0] == codec.latent_codec.encode(tokens.flatten(0, 1))


def test_each_level_has_vectors_of_its_own():
    embedding = TokenEmbedding(levels=2, codebook_size=4, width=3)
    tokens = torch.tensor([[1, 1]])
    assert torch.allclose(embedding(tokens), embedding.vectors[1] + embedding.vectors[5])
    assert torch.allclose(embedding(tokens[:, :1]), embedding.vectors[1])
    with pytest.raises(InputError, match="3 levels"):
        embedding(torch.zeros(1, 3))


@pytest.mark.parametrize("width", [0, 8])
def test_a_classifier_sees_level_and_spread_of_each_channel(width):
    classifier = Classifier(channels=2, dim=3, classes=4, width=width).eval()
    h = torch.randn(5, 2, 7, 3)
    assert classifier(h).shape == (5, 4)
    order = torch.randperm(7)
    assert torch.allclose(classifier(h), classifier(h[:, :, order]), atol=1e-5)
    features = pooled(h)
    assert features.shape == (5, 12) and torch.allclose(features[:, :6], h.mean(2).flatten(1))


@pytest.mark.parametrize("width", [0, 8])
def test_a_forecaster_treats_channels_alike_and_needs_its_length(width):
    forecaster = Forecaster(steps=4, dim=3, horizon=6, width=width)
    h = torch.randn(2, 1, 4, 3).repeat(1, 5, 1, 1)
    out = forecaster(h)
    assert out.shape == (2, 5, 6) and torch.allclose(out[:, 0], out[:, 4])
    with pytest.raises(InputError, match=r"\(5, 3\)"):
        forecaster(torch.zeros(1, 1, 5, 3))


def test_a_head_learns_through_its_embedding():
    head = TokenHead(TokenEmbedding(2, 8, 4), Classifier(1, 4, 2))
    head(torch.randint(8, (6, 1, 5, 2))).square().sum().backward()
    assert head.embedding.vectors.grad.abs().sum() > 0


def test_empty_sizes_are_refused():
    with pytest.raises(ConfigError):
        TokenEmbedding(0, 8, 4)
