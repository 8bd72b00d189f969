# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from tinify.errors import ConfigError
from tinify.models.series.tcrae_seq import TcraeSeq

from .autoencoders import fitted, waves


def build(**kwargs):
    torch.manual_seed(0)
    return TcraeSeq(**{"window": 64, "width": 8, "strides": (2, 4), "dilations": (1, 2), **kwargs})


def series(codec, windows=40, channels=2):
    rows = torch.from_numpy(waves(windows * codec.window, channels, seed=1).T.copy())
    return rows.reshape(channels, windows, codec.window)


@torch.no_grad()
@pytest.mark.parametrize("recurrent", ["gru", "lstm"])
@pytest.mark.parametrize("upsampling", ["transposed", "interpolate"])
def test_untrained_it_is_a_block_cosine_transform(recurrent, upsampling):
    codec = fitted(build(recurrent=recurrent, upsampling=upsampling), "tcrae-seq")
    x = series(codec)
    y = codec.analysis(x[0])
    torch.testing.assert_close(y.square().sum(), x[0].square().sum())
    errors = [(codec(x, quality).x_hat - x).square().mean().item() for quality in (40, 60, 80)]
    steps = [codec.latent_codec.step(codec.rate_of(quality)) for quality in (40, 60, 80)]
    assert all(error < step**2 / 12 * 1.2 for error, step in zip(errors, steps, strict=True))


@torch.no_grad()
def test_without_the_shortcut_all_goes_through_the_networks():
    codec = build(shortcut=False, latents=3)
    y = codec.analysis(series(codec)[0])
    assert y.shape == (40, 8, 3) and y.abs().max() > 0
    assert codec.shortcut_in is None and codec.synthesis(y, torch.ones(40)).shape == (40, 64)


@pytest.mark.parametrize("kwargs", [{}, {"recurrent": "lstm", "bidirectional": True}, {"upsampling": "interpolate"}])
def test_every_parameter_gets_a_gradient(kwargs):
    codec = build(shortcut=False, **kwargs)
    x = series(codec)[0]
    (codec.synthesis(codec.analysis(x), torch.ones(len(x))) - x).square().mean().backward()
    missing = [name for name, p in codec.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    assert not missing


@torch.no_grad()
def test_the_decoder_is_told_the_step():
    codec = build(shortcut=False)
    y = codec.analysis(series(codec)[0])
    assert not torch.allclose(codec.synthesis(y, torch.full((40,), 0.1)), codec.synthesis(y, torch.full((40,), 4.0)))


def test_width_sets_the_number_of_parameters():
    counts = [sum(p.numel() for p in TcraeSeq(width=width).parameters()) for width in (20, 40, 44)]
    assert counts == sorted(counts) and 100_000 < counts[1] < 200_000


def test_what_is_not_allowed_is_named():
    with pytest.raises(ConfigError, match=r"strides \[1\]"):
        build(strides=[1])
    with pytest.raises(ConfigError, match='recurrent "rnn"'):
        build(recurrent="rnn")
