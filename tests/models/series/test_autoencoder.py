# SPDX-License-Identifier: Apache-2.0
"""What every series codec with a continuous latent keeps, for both that there are."""

import numpy as np
import pytest
import torch

from tinify import container
from tinify.errors import ConfigError, FormatError, InputError, TinifyError
from tinify.models.series.tcrae import Tcrae
from tinify.models.series.tcrae_seq import TcraeSeq
from tinify.signal import Signal

from .autoencoders import fitted, waves

CODECS = {
    "tcrae-seq": lambda: TcraeSeq(window=64, width=8, strides=(2, 4), dilations=(1, 2), histograms=2),
    "tcrae": lambda: Tcrae(window=32, width=8, latents=8, dilations=(1, 2), histograms=2),
}


@pytest.fixture(scope="module", params=CODECS)
def codec(request):
    torch.manual_seed(0)
    return fitted(CODECS[request.param](), request.param)


def round_trip(codec, x, quality=50):
    data = container.pack(codec.pack(Signal("series", x), quality=quality))
    return codec.unpack(container.unpack(data)).samples, len(data)


def as_windows(x, length):
    rows = np.ascontiguousarray(x[: len(x) // length * length].T)
    return torch.from_numpy(rows).reshape(x.shape[1], -1, length)


def test_more_quality_means_more_bytes(codec):
    x = waves(4000, seed=1)
    sizes = [round_trip(codec, x, quality)[1] for quality in (0, 25, 50, 75, 100)]
    assert sizes == sorted(sizes) and len(set(sizes)) == 5


@pytest.mark.parametrize("rows", [0, 1, 63, 64, 65, 129, 2050])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_length_comes_back_in_shape(codec, rows, channels):
    x = waves(rows, channels, seed=2)
    y, _ = round_trip(codec, x)
    assert y.shape == x.shape and y.dtype == x.dtype and np.isfinite(y).all()


@pytest.mark.parametrize("batch", [1, 7, 64])
def test_integers_of_the_latent_come_back_exactly_for_any_batch(codec, batch):
    latent = codec.latent_codec
    x = as_windows(waves(64 * codec.window, 1, seed=3), codec.window).reshape(64, 1, -1)[:batch]
    with torch.no_grad():
        q = latent.quantize(codec.analysis(x[:, 0]), 50)
    assert torch.equal(latent.decode(latent.encode(q, 50), (*q.shape[:2], 50)), q)


def test_reconstructions_of_any_grouping_differ_by_rounding_at_most(codec, monkeypatch):
    x = as_windows(waves(20 * codec.window, 3, seed=4), codec.window)
    out = codec.compress(x, 60)
    whole = codec.decompress(out.strings, out.shape).x_hat
    monkeypatch.setattr("tinify.models.series.autoencoder._GROUP_VALUES", 1)
    torch.testing.assert_close(codec.decompress(out.strings, out.shape).x_hat, whole, atol=1e-5, rtol=0)


def test_a_file_decodes_alike_with_one_and_two_threads(codec):
    file = codec.pack(Signal("series", waves(3000, 3)), quality=60)
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            results.append(codec.unpack(file).samples)
    finally:
        torch.set_num_threads(before)
    np.testing.assert_allclose(results[0], results[1], atol=1e-5)


def test_forward_is_what_comes_back_and_its_bits_are_those_written(codec):
    x = as_windows(waves(100 * codec.window, 2, seed=5), codec.window)
    out, coded = codec(x, quality=60), codec.compress(x, quality=60)
    torch.testing.assert_close(codec.decompress(coded.strings, coded.shape).x_hat, out.x_hat, atol=1e-5, rtol=0)
    estimated = -sum(p.log2().sum().item() for p in out.likelihoods.values()) / 8
    assert abs(len(coded.strings[0][0]) - estimated) < 0.01 * estimated + 16


def test_long_windows_are_cut(codec):
    x = as_windows(waves(6 * codec.window, 2, seed=6), codec.window)
    together = codec(x.reshape(1, 2, -1)).x_hat
    torch.testing.assert_close(together.reshape(x.shape), codec(x).x_hat, atol=1e-5, rtol=0)


def test_outliers_and_what_is_no_number_cost_bytes_not_an_error(codec):
    x = as_windows(waves(4 * codec.window, 1), codec.window).clone()
    x[0, 0, 3], x[0, 1, 5], x[0, 2, 7] = 1e30, float("inf"), float("nan")
    out = codec.compress(x, 60)
    assert codec.decompress(out.strings, out.shape).x_hat.isfinite().all()


def test_no_channels_and_no_windows_are_nothing(codec):
    for shape in [(0, 1, codec.window), (2, 0, codec.window), (2, 1, 0)]:
        out = codec.compress(torch.zeros(shape))
        assert codec.decompress(out.strings, out.shape).x_hat.shape == shape


@pytest.mark.parametrize("shape", [(2, 1, 1, 200), (1 << 16, 1 << 16, 1, 9), (2, 1, 1 << 30, 9)])
def test_shapes_that_cannot_be_are_refused(codec, shape):
    out = codec.compress(torch.zeros(2, 1, codec.window), 40)
    with pytest.raises((FormatError, InputError)):
        codec.decompress(out.strings, shape)


def test_damaged_parameters_of_a_file_are_refused(codec):
    from dataclasses import replace

    file = codec.pack(Signal("series", waves(1000)), quality=60)
    for params in (b"", bytes(5), b"\xff" * 5, file.params[:1] + bytes(4), file.params + b"\0"):
        with pytest.raises(TinifyError):
            codec.unpack(replace(file, params=params))


def test_what_cannot_be_coded_is_refused(codec):
    with pytest.raises(InputError, match="multiple of"):
        codec.compress(torch.zeros(1, 1, codec.window + 1))
    with pytest.raises(InputError, match="0 to 100"):
        codec.rate_of(101)


def test_a_window_is_a_whole_number_of_patches():
    with pytest.raises(ConfigError, match="multiples of 8"):
        TcraeSeq(window=60, strides=(2, 4))
