# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from tinify import container
from tinify.errors import InputError
from tinify.models.series import Tokenizer
from tinify.signal import Signal


def waves(rows: int, channels: int = 2, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    t = np.arange(rows)[:, None] / random.uniform(5, 30, channels)
    return (np.sin(t) + 0.05 * random.normal(size=(rows, channels))).astype(np.float32)


@pytest.fixture(scope="module")
def codec() -> Tokenizer:
    torch.manual_seed(0)
    codec = Tokenizer(patch=8, stages=4, codebook_size=64, width=8).train()
    x = torch.from_numpy(waves(16000, 4).T.copy())[None]
    x = (x - x.mean(-1, keepdim=True)) / x.std(-1, keepdim=True)
    with torch.no_grad():
        codec(x, stages=4)
    codec.eval()
    latent = codec.latent_codec
    latent.prior.fit(latent.prior.count(latent.tokenize(codec.analysis(x[0]), 4).numpy()))
    codec.name = "tokenizer"
    return codec


def round_trip(codec: Tokenizer, x: np.ndarray, quality: float = 70) -> tuple[np.ndarray, int]:
    data = container.pack(codec.pack(Signal("series", x), quality=quality))
    return codec.unpack(container.unpack(data)).samples, len(data)


def test_more_quality_means_more_bytes_and_less_error(codec):
    x = waves(4000, seed=1)
    results = [round_trip(codec, x, quality) for quality in (0, 20, 45, 70, 100)]
    sizes, errors = [n for _, n in results], [float(np.square(y - x).mean()) for y, _ in results]
    assert sizes == sorted(sizes) and len(set(sizes)) >= 4
    assert errors == sorted(errors, reverse=True) and errors[-1] < 0.05


@pytest.mark.parametrize("rows", [0, 1, 15, 16, 17, 2049, 4111])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_length_comes_back_in_shape_and_near(codec, rows, channels):
    x = waves(rows, channels, seed=2)
    y, _ = round_trip(codec, x)
    assert y.shape == x.shape and y.dtype == x.dtype
    assert rows == 0 or np.square(y - x).mean() < 0.1


def test_tensor_level_agrees_with_forward(codec):
    x = torch.from_numpy(waves(64 * 8).T.copy())[None]
    out = codec.compress(x, quality=100)
    x_hat = codec.decompress(out.strings, out.shape).x_hat
    assert x_hat.shape == x.shape
    assert (x_hat - x).square().mean() < 1.5 * (codec(x, stages=4).x_hat - x).square().mean() + 1e-3


def test_a_file_decodes_alike_with_one_and_two_threads(codec):
    data = codec.pack(Signal("series", waves(6000, 3)), quality=80)
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            results.append(codec.unpack(data).samples)
    finally:
        torch.set_num_threads(before)
    np.testing.assert_allclose(results[0], results[1], atol=1e-5)


def test_wrong_lengths_and_qualities_are_refused(codec):
    with pytest.raises(InputError, match="multiple of 8"):
        codec.compress(torch.zeros(1, 1, 9))
    with pytest.raises(InputError, match="0 to 100"):
        codec.rate_of(101)


def test_quality_moves_the_rate_without_jumps_back(codec):
    rates = [codec.rate_of(q) for q in np.linspace(0, 100, 101)]
    assert [stages for stages, _ in rates] == sorted(stages for stages, _ in rates)
    assert {stages for stages, _ in rates} == {1, 2, 3, 4}
    for stages in range(1, 5):
        weights = [w for s, w in rates if s == stages]
        assert weights == sorted(weights, reverse=True)
