# SPDX-License-Identifier: Apache-2.0
"""Codecs with exact entropy paths: the same bytes everywhere, few bits more, and files that say so."""

import pytest
import torch
from torch import nn

import tinify
from tests.models.image.active import KINDS, WITH_CONTEXT, active, active_with_context, signal, tensor
from tinify import container
from tinify.errors import ConfigError, WeightsError
from tinify.models.entropy_path import entropy_networks, is_exact, known_answer, quantize_entropy_path


def make(kind):
    return active(kind) if kind in KINDS else active_with_context(kind)


@pytest.fixture(scope="module", params=[*KINDS, *WITH_CONTEXT])
def converted(request):
    codec = make(request.param)
    return codec, quantize_entropy_path(codec)


@torch.no_grad()
def test_it_costs_next_to_no_bits(converted):
    codec, report = converted
    assert abs(report.loss) < 0.005
    assert report.bits_before > 10_000 and report.layers >= 3 * bool(entropy_networks(codec))
    assert is_exact(codec)


@torch.no_grad()
def test_any_threads_layout_and_batch_give_the_same_bytes_and_decode(converted):
    codec, x, threads = converted[0], tensor(128, 128, batch=2), torch.get_num_threads()
    expected = codec.compress(x)
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            assert codec.compress(x.contiguous(memory_format=torch.channels_last)).strings == expected.strings
            for item in range(2):
                alone = [[stream[item]] for stream in expected.strings]
                assert codec.compress(x[item : item + 1]).strings == alone
                codec.decompress(alone, expected.shape)
    finally:
        torch.set_num_threads(threads)


@torch.no_grad()
def test_scales_are_whole_steps(converted):
    """What chooses the tables is equal to the last bit in whatever order it is summed."""
    for network in entropy_networks(converted[0]).values():
        if isinstance(network, nn.Sequential) and isinstance(network[-1], nn.Conv2d):
            weight_step, step, _ = (2.0 ** int(e) for e in network[-1].grid)
            x = 3 * torch.randn(1, network[0].in_channels, 8, 8)
            out = tinify.layers.double.in_double(network, x) / (weight_step * step)
            assert torch.equal(out, out.round())


@torch.no_grad()
def test_weights_bring_their_grids(converted):
    codec = converted[0]
    other = type(codec).from_state_dict(codec.state_dict()).eval()
    assert is_exact(other) and other.fingerprint() == codec.fingerprint()
    x = tensor(64, 64)
    assert other.compress(x).strings == codec.compress(x).strings
    if not entropy_networks(codec):
        return
    plain = make(codec.name)
    other.load_state_dict(plain.state_dict())
    assert not is_exact(other) and set(other.state_dict()) == set(plain.state_dict())


def test_a_file_says_whether_it_is_portable():
    picture, plain, exact = signal(64, 64), make("mbt2018-mean"), make("mbt2018-mean")
    quantize_entropy_path(exact)
    flags = [container.pack(codec.pack(picture)) and codec.pack(picture).params[2] & 0x80 for codec in (plain, exact)]
    assert flags == [0x80, 0]
    assert exact.unpack(exact.pack(picture)).samples.shape == (64, 64, 3)
    assert not make("bmshj2018-factorized").pack(picture).params[2] & 0x80


def test_a_foreign_part_that_is_not_portable_makes_the_codec_so():
    codec = make("elic2022-official")
    quantize_entropy_path(codec)
    assert codec.is_portable
    codec.latent_codec.y.is_portable = False
    assert not codec.is_portable


def test_changed_weights_and_other_answers_are_noticed_at_load():
    codec = make("mbt2018-mean")
    quantize_entropy_path(codec)
    state = codec.state_dict()
    state["h_s.0.weight"] = state["h_s.0.weight"] * 1.1
    with pytest.raises(WeightsError, match="not on its grid"):
        make("mbt2018-mean").load_state_dict(state)
    state = codec.state_dict()
    state["known_answer"] = state["known_answer"] + 1
    with pytest.raises(WeightsError, match="would not decode alike"):
        make("mbt2018-mean").load_state_dict(state)


def test_the_answer_is_known():
    codec = make("mbt2018")
    quantize_entropy_path(codec)
    assert known_answer(codec) == int(codec.known_answer) != 0


def test_layers_that_cannot_be_exact_are_named():
    codec = make("mbt2018-mean")
    codec.h_s[1] = nn.Sigmoid()
    with pytest.raises(ConfigError, match="h_s has a Sigmoid"):
        quantize_entropy_path(codec)
    with pytest.raises(ConfigError, match="no latent codec"):
        quantize_entropy_path(tinify.load("photo-best"))
