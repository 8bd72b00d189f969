# SPDX-License-Identifier: Apache-2.0
import copy
import pickle

import pytest
import torch

from tinify.entropy_models import HistogramPrior, Markov1Prior
from tinify.errors import FormatError, TinifyError
from tinify.latent_codecs.tokens import TokenLatentCodec
from tinify.quantizers import ResidualQuantizer


def latent(seed: int = 1) -> torch.Tensor:
    torch.manual_seed(seed)
    return torch.cumsum(0.3 * torch.randn(6, 40, 4), dim=1)


@pytest.fixture(params=[HistogramPrior, Markov1Prior], ids=["histogram", "markov1"])
def codec(request) -> TokenLatentCodec:
    torch.manual_seed(0)
    quantizer = ResidualQuantizer.of_codebooks(4, stages=3, codebook_size=16).train()
    quantizer(latent(0), stages=3)
    codec = TokenLatentCodec(quantizer, request.param(3, 16)).eval()
    codec.prior.fit(codec.prior.count(codec.tokenize(latent(0), 3).numpy()))
    return codec


@pytest.mark.parametrize("stages", [1, 2, 3])
@pytest.mark.parametrize("lmbda", [0.0, 0.05])
def test_latent_comes_back_as_it_was_quantized(codec, stages, lmbda):
    out = codec.compress(latent(), stages, lmbda)
    back = codec.decompress(out.strings, out.shape)
    assert torch.equal(back.y_hat, out.y_hat)


def test_written_bytes_are_the_estimated_bits(codec):
    y = latent().repeat(20, 1, 1)
    estimate = -torch.log2(codec(y, 3).likelihoods["y"]).sum().item() / 8
    written = len(codec.compress(y, 3).strings[0][0])
    assert abs(written - estimate) <= 0.01 * estimate + 64


def test_weighing_bits_lowers_the_rate_and_raises_the_error(codec):
    y = latent().repeat(10, 1, 1)
    plain, aware = codec.compress(y, 3), codec.compress(y, 3, lmbda=0.2)
    assert len(aware.strings[0][0]) < len(plain.strings[0][0])
    assert (aware.y_hat - y).square().mean() > (plain.y_hat - y).square().mean()


def test_no_sequences_or_no_steps_give_a_stream_that_decodes(codec):
    for shape in ((0, 5, 4), (5, 0, 4)):
        out = codec.compress(torch.zeros(shape), 2)
        assert codec.decompress(out.strings, out.shape).y_hat.shape == shape


def test_damaged_or_foreign_bytes_are_a_typed_error(codec):
    out = codec.compress(latent(), 3)
    string = out.strings[0][0]
    for position in range(0, len(string), 7):
        broken = string[:position] + bytes([string[position] ^ 0x40]) + string[position + 1 :]
        with pytest.raises(TinifyError):
            codec.decompress([[broken]], out.shape)
    with pytest.raises(TinifyError):
        codec.decompress([[string[:-3]]], out.shape)


def test_shape_beyond_the_codebooks_is_refused(codec):
    with pytest.raises(FormatError, match="stages"):
        codec.decode(b"", (1, 1, 4))


def test_another_prior_is_noticed(codec):
    out, other = codec.compress(latent(), 3), copy.deepcopy(codec)
    other.prior.fit(other.prior.count(torch.randint(16, (4, 10, 3)).numpy()))
    with pytest.raises(TinifyError):
        other.decompress(out.strings, out.shape)


def test_a_codec_that_was_used_can_be_copied_and_pickled(codec):
    out = codec.compress(latent(), 3)
    for other in (copy.deepcopy(codec), pickle.loads(pickle.dumps(codec))):
        assert torch.equal(other.decompress(out.strings, out.shape).y_hat, out.y_hat)
