# SPDX-License-Identifier: Apache-2.0
import copy
import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file

from tinify.errors import TinifyError

from .active import KINDS, active, tensor


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def codec(kind):
    return active(kind)


def _bytes(out):
    return sum(len(s) for stream in out.strings for s in stream)


@torch.no_grad()
@pytest.mark.parametrize("batch", [1, 3])
def test_decompress_gives_what_forward_gives_in_eval_mode(codec, batch):
    x = tensor(128, 192, batch)
    out = codec.compress(x)
    x_hat = codec.decompress(out.strings, out.shape).x_hat
    assert x_hat.shape == x.shape
    torch.testing.assert_close(x_hat, codec(x).x_hat.clamp(0, 1), rtol=0, atol=1e-5)


@torch.no_grad()
def test_outputs_read_as_mappings_with_the_names_that_the_field_uses(codec):
    x = tensor(64, 64)
    assert set(codec(x)) == {"x_hat", "likelihoods"}
    out = codec.compress(x)
    assert set(out) == {"strings", "shape"}
    assert set(codec.decompress(**out)) == {"x_hat"}


@torch.no_grad()
def test_the_shape_is_that_of_the_coarsest_latent(codec):
    assert tuple(codec.compress(tensor(128, 192)).shape) == codec.shape_for(128, 192)


@torch.no_grad()
def test_written_bytes_are_the_estimated_bits(codec):
    x = tensor(512, 512)
    out = codec(x)
    estimated = -sum(p.log2().sum().item() for p in out.likelihoods.values()) / 8
    assert estimated > 3000
    assert abs(_bytes(codec.compress(x)) - estimated) < 0.01 * estimated + 64


@torch.no_grad()
def test_a_batch_gives_the_strings_of_its_pictures_one_by_one(codec):
    x = tensor(64, 128, batch=3)
    together = codec.compress(x).strings
    for item in range(3):
        assert [[stream[item]] for stream in together] == codec.compress(x[item : item + 1]).strings


@torch.no_grad()
def test_the_layout_of_the_picture_in_memory_changes_no_byte(codec):
    x = tensor(64, 128)
    assert codec.compress(x.contiguous(memory_format=torch.channels_last)).strings == codec.compress(x).strings


@torch.no_grad()
def test_inference_mode_changes_no_byte(codec):
    x = tensor(64, 64)
    with torch.inference_mode():
        inside = codec.compress(x).strings
    assert codec.compress(x).strings == inside


@torch.no_grad()
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["copy", "pickle"])
def test_a_codec_that_has_coded_can_be_copied_and_pickled(codec, duplicate):
    x = tensor(64, 64)
    out = codec.compress(x)
    other = duplicate(codec)
    assert other.compress(x).strings == out.strings
    assert torch.equal(other.decompress(**out).x_hat, codec.decompress(**out).x_hat)


@torch.no_grad()
def test_a_state_dict_through_safetensors_keeps_the_tables_and_the_fingerprint(kind, codec, tmp_path):
    save_file(codec.state_dict(), tmp_path / "weights.safetensors")
    other = KINDS[kind].from_state_dict(load_file(tmp_path / "weights.safetensors")).eval()
    assert (other.N, other.M) == (codec.N, codec.M)
    assert torch.equal(other.entropy_bottleneck.quantized_cdf, codec.entropy_bottleneck.quantized_cdf)
    assert other.fingerprint() == codec.fingerprint()
    x = tensor(64, 64)
    assert other.compress(x).strings == codec.compress(x).strings


@torch.no_grad()
def test_loading_weights_after_use_leaves_nothing_of_the_old_ones(kind, codec):
    x, other = tensor(64, 64), active(kind, seed=5)
    assert other.compress(x).strings != codec.compress(x).strings
    other.load_state_dict(codec.state_dict())
    out = other.compress(x)
    assert out.strings == codec.compress(x).strings
    assert torch.equal(other.decompress(**out).x_hat, codec.decompress(**out).x_hat)


def test_a_codec_with_a_gain_is_made_from_its_state_dict_too(kind):
    codec = active(kind, gain_levels=3)
    assert KINDS[kind].from_state_dict(codec.state_dict()).gain.levels == 3


@torch.no_grad()
def test_every_step_up_in_level_costs_bits_and_comes_nearer_to_the_latent(kind):
    codec, x = active(kind, gain_levels=4), tensor(128, 128)
    sizes = [_bytes(codec.compress(x, level)) for level in (0, 0.5, 1, 2, 3)]
    assert sizes == sorted(set(sizes))
    assert codec.compress(x).strings == codec.compress(x, 1.5).strings


@torch.no_grad()
def test_a_level_decodes_what_it_encoded(kind):
    codec, x = active(kind, gain_levels=4), tensor(64, 64)
    for level in (0, 1.7, 3):
        out = codec.compress(x, level)
        decoded = codec.decompress(**out, level=level).x_hat
        torch.testing.assert_close(decoded, codec(x, level).x_hat.clamp(0, 1), rtol=0, atol=1e-5)


def test_all_parameters_train_and_the_quantiles_by_their_own_loss(kind):
    codec = KINDS[kind](4, 6, 2).train()
    out = codec(tensor(64, 64), 0.5)
    (out.x_hat.square().mean() - sum(p.log().mean() for p in out.likelihoods.values())).backward()
    without = {name for name, p in codec.named_parameters() if p.grad is None}
    assert without == {"entropy_bottleneck.quantiles"}
    codec.aux_loss().backward()
    assert codec.entropy_bottleneck.quantiles.grad.any()


def test_the_wiring_adds_nothing_to_the_state_dict(codec):
    roots = {key.split(".")[0] for key in codec.state_dict()}
    assert roots <= {"g_a", "g_s", "h_a", "h_s", "entropy_bottleneck", "gaussian_conditional"}


def test_update_is_only_for_those_who_want_it(kind):
    codec = KINDS[kind](4, 6)
    assert codec.update() is True and codec.update() is False and codec.update(force=True) is True


def test_the_fingerprint_tells_any_weight_and_any_table_apart(kind):
    codec = active(kind, 4, 6)
    prints = {codec.fingerprint()}
    assert len(codec.fingerprint()) == 4
    with torch.no_grad():
        codec.g_s[-1].bias[0] += 1e-6
        prints.add(codec.fingerprint())
        codec.entropy_bottleneck._quantized_cdf[0, 1] += 1
        prints.add(codec.fingerprint())
    assert len(prints) == 3


def test_the_fingerprint_does_not_depend_on_the_layout_of_the_weights_in_memory(kind):
    codec = active(kind, 4, 6)
    before = codec.fingerprint()
    assert codec.to(memory_format=torch.channels_last).fingerprint() == before


@torch.no_grad()
def test_nan_in_a_picture_is_an_error(codec):
    with pytest.raises(TinifyError):
        codec.compress(torch.full((1, 3, 64, 64), float("nan")))
