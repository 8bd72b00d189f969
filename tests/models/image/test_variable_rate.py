# SPDX-License-Identifier: Apache-2.0
"""One set of weights, every rate: what is written decodes, and is what was estimated."""

import pytest
import torch

import tinify
from tinify import container
from tinify.errors import ConfigError, DesyncError, FormatError

from .active import VARIABLE, active_at_every_rate, signal, tensor

LEVELS = [0.0, 2.6, 7.0]


@pytest.fixture(scope="module", params=VARIABLE)
def codec(request):
    return active_at_every_rate(request.param)


def written(out):
    return sum(len(s) for stream in out.strings for s in stream)


@torch.no_grad()
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("batch", [1, 2])
def test_coding_gives_the_picture_and_the_bits_of_forward(codec, level, batch):
    x = tensor(192, 256, batch)
    out, estimate = codec.compress(x, level), codec(x, level)
    x_hat = codec.decompress(out.strings, out.shape, level).x_hat
    torch.testing.assert_close(x_hat, estimate.x_hat.clamp(0, 1), rtol=0, atol=1e-4)
    bits = -sum(p.log2().sum().item() for p in estimate.likelihoods.values()) / 8
    assert abs(written(out) - bits) < 0.02 * bits + 64 * batch


@torch.no_grad()
def test_a_higher_level_is_more_bytes_and_less_error(codec):
    x, y = tensor(192, 256), codec.g_a(tensor(192, 256))
    sizes = [written(codec.compress(x, level)) for level in (0, 1.5, 3, 4.8, 7)]
    errors = [(codec.latent_codec_at(level)(y).y_hat - y).abs().mean() for level in (0, 1.5, 3, 4.8, 7)]
    assert sizes == sorted(sizes) and sizes[-1] > 1.5 * sizes[0]
    assert errors == sorted(errors, reverse=True)


def test_gains_of_levels_are_those_of_the_checkpoint_and_in_even_ratios_between(codec):
    gains = codec.Gain.tolist()
    assert [codec.gain_at(level) for level in range(8)] == gains
    assert codec.gain_at(2.5) ** 2 == pytest.approx(gains[2] * gains[3], rel=1e-12)
    assert codec.gain_at(-1) == gains[0] and codec.gain_at(99) == gains[-1]


@torch.no_grad()
def test_compressai_names_of_a_rate_are_levels(codec):
    x = tensor(64, 64)
    by_level = codec.compress(x, 3.0)
    assert codec.compress(x, stage=2, s=3).strings == by_level.strings
    gain = codec.gain_at(3.0)
    assert codec.compress(x, inputscale=gain).strings == by_level.strings
    mine, theirs = codec.decompress(**by_level, level=3.0), codec.decompress(**by_level, inputscale=gain)
    assert torch.equal(mine.x_hat, theirs.x_hat)
    for wrong in ({"stage": 3}, {"s": 8}, {"s": -1}, {"inputscale": -0.5}):
        with pytest.raises(ConfigError, match="allowed: stage 1 or 2"):
            codec.compress(x, **wrong)


@torch.no_grad()
def test_the_first_stage_is_the_codec_of_one_rate(codec):
    x, state = tensor(64, 128), codec.state_dict()
    plain_class = next(
        base for base in type(codec).__mro__ if base.__name__ == type(codec).__name__.removesuffix("Vbr")
    )
    plain = plain_class(codec.N, codec.M).eval()
    plain.load_state_dict({key: value for key, value in state.items() if key.split(".")[0] in NAMES_OF_ONE_RATE})
    assert codec.compress(x, stage=1).strings == plain.compress(x).strings
    torch.testing.assert_close(codec(x, stage=1).x_hat, plain(x).x_hat)


NAMES_OF_ONE_RATE = {"g_a", "g_s", "h_a", "h_s", "entropy_bottleneck", "gaussian_conditional", "entropy_parameters",
                     "context_prediction"}  # fmt: skip


@torch.no_grad()
def test_a_state_dict_says_which_bottleneck_it_has(codec):
    state = {**codec.state_dict(), "QuantOffset": torch.zeros(1)}
    other = type(codec).from_state_dict(state).eval()
    x = tensor(64, 64)
    assert other.vr_entbttlnck == codec.vr_entbttlnck
    assert other.compress(x, 2.2).strings == codec.compress(x, 2.2).strings
    assert other.fingerprint() == codec.fingerprint()
    with pytest.raises(ConfigError, match="vr_entbttlnck"):
        type(codec).from_state_dict(state, vr_entbttlnck=not codec.vr_entbttlnck)


@torch.no_grad()
def test_files_know_their_rate(codec):
    picture = signal(65, 130)
    sizes = []
    for quality in (0, 37, 100):
        data = container.pack(codec.pack(picture, quality=quality))
        assert codec.unpack(container.unpack(data)).samples.shape == picture.samples.shape
        sizes.append(len(data))
    assert sizes == sorted(sizes) and sizes[-1] > sizes[0]


@torch.no_grad()
def test_made_exact_it_decodes_in_other_threads_and_layouts(codec):
    exact = type(codec).from_state_dict(codec.state_dict()).eval()
    assert not exact.is_portable
    report = tinify.quantize_entropy_path(exact)
    assert exact.is_portable and abs(report.loss) < 0.005
    x, threads = tensor(128, 128), torch.get_num_threads()
    try:
        for level in LEVELS:
            out = exact.compress(x, level)
            for count in (1, 2):
                torch.set_num_threads(count)
                assert exact.compress(x.contiguous(memory_format=torch.channels_last), level).strings == out.strings
                exact.decompress(out.strings, out.shape, level)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("stage", [1, 2])
def test_all_parameters_of_a_stage_train_but_the_gains(codec, stage):
    fresh = type(codec).from_state_dict(codec.state_dict()).train()
    out = fresh(tensor(64, 128), level=1.5, stage=stage)
    (out.x_hat.square().mean() - sum(p.log().mean() for p in out.likelihoods.values())).backward()
    without = {name for name, p in fresh.named_parameters() if p.grad is None or not p.grad.isfinite().all()}
    of_stage_2 = ("QuantABCD", "gayn2zqstep", "scale_to_context")
    without = {name for name in without if stage == 2 or not name.startswith(of_stage_2)}
    assert without == {"Gain", "entropy_bottleneck.quantiles"}


@torch.no_grad()
def test_damage_and_another_rate_are_typed_errors(codec):
    out = codec.compress(tensor(64, 64), 2.0)
    for number, stream in enumerate(out.strings):
        strings = [list(s) for s in out.strings]
        strings[number] = [stream[0][: len(stream[0]) // 2]]
        with pytest.raises((FormatError, DesyncError)):
            codec.decompress(strings, out.shape, 2.0)
    with pytest.raises((FormatError, DesyncError)):
        codec.decompress(out.strings, out.shape, 6.0)
    with pytest.raises(FormatError):
        codec.decompress(out.strings[:-1], out.shape, 2.0)
