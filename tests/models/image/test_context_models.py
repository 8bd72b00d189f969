# SPDX-License-Identifier: Apache-2.0
"""Codecs with a context: what is written decodes, at any size, and is what was estimated."""

import pytest
import torch

from tinify import container
from tinify.errors import DesyncError, FormatError

from .active import WITH_CONTEXT, active_with_context, signal, tensor


@pytest.fixture(scope="module", params=WITH_CONTEXT)
def codec(request):
    return active_with_context(request.param)


def written(out):
    return sum(len(s) for stream in out.strings for s in stream)


@torch.no_grad()
@pytest.mark.parametrize("batch", [1, 3])
def test_what_is_written_decodes_to_what_the_encoder_saw(codec, batch):
    x = tensor(128, 192, batch)
    out = codec.compress(x)
    y_hat = codec.latent_codec.compress(codec.g_a(x)).y_hat
    x_hat = codec.decompress(**out).x_hat
    torch.testing.assert_close(x_hat, codec.g_s(y_hat).clamp(0, 1), rtol=0, atol=1e-5)
    assert y_hat.unique().numel() > (15 if codec.name == "cheng2020-gmm" else 100)  # mixtures are of integers


@torch.no_grad()
def test_a_batch_gives_the_strings_of_its_pictures_one_by_one(codec):
    x = tensor(64, 128, batch=3)
    together = codec.compress(x).strings
    for item in range(3):
        assert [[stream[item]] for stream in together] == codec.compress(x[item : item + 1]).strings


@torch.no_grad()
def test_written_bytes_are_the_estimated_bits_of_what_was_coded(codec):
    """Of codecs that train with another context than they code with (mbt2018 and after), within what that moves."""
    x = tensor(256, 256)
    estimated = -sum(p.log2().sum().item() for p in codec(x).likelihoods.values()) / 8
    assert estimated > 1000
    assert abs(written(codec.compress(x)) - estimated) < 0.02 * estimated + 64


@torch.no_grad()
@pytest.mark.parametrize("size", [(1, 1), (65, 130), (64, 200)])
def test_files_of_any_size_come_back(codec, size):
    picture = signal(*size)
    file = container.unpack(container.pack(codec.pack(picture)))
    assert codec.unpack(file).samples.shape == picture.samples.shape


@torch.no_grad()
def test_threads_and_layout_change_no_byte_and_no_number(codec):
    x, threads = tensor(128, 128), torch.get_num_threads()
    out = codec.compress(x)
    expected = codec.decompress(**out).x_hat
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            other = codec.compress(x.contiguous(memory_format=torch.channels_last))
            assert other.strings == out.strings
            torch.testing.assert_close(codec.decompress(**out).x_hat, expected, rtol=0, atol=1e-5)
    finally:
        torch.set_num_threads(threads)


@torch.no_grad()
def test_a_state_dict_makes_a_codec_of_the_same_size(codec):
    other = type(codec).from_state_dict(codec.state_dict()).eval()
    x = tensor(64, 64)
    assert other.compress(x).strings == codec.compress(x).strings
    assert other.fingerprint() == codec.fingerprint()


def test_all_parameters_train(codec):
    fresh = type(codec)(*WITH_CONTEXT[codec.name][1]).train()
    out = fresh(tensor(64, 128))
    (out.x_hat.square().mean() - sum(p.log().mean() for p in out.likelihoods.values())).backward()
    without = {name for name, p in fresh.named_parameters() if p.grad is None or not p.grad.isfinite().all()}
    assert all(name.endswith("quantiles") for name in without)


@torch.no_grad()
def test_damage_is_a_typed_error(codec):
    out = codec.compress(tensor(64, 64))
    for number, stream in enumerate(out.strings):
        strings = [list(s) for s in out.strings]
        strings[number] = [stream[0][: len(stream[0]) // 2]]
        with pytest.raises((FormatError, DesyncError)):
            codec.decompress(strings, out.shape)
    with pytest.raises(FormatError):
        codec.decompress(out.strings[:-1], out.shape)
