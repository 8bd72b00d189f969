# SPDX-License-Identifier: Apache-2.0
"""State dicts and streams both ways, between CompressAI's models and tinify's own codecs of the same names."""

import pytest
import tinify_compressai
import torch
from conftest import SIZES

import tinify
from tinify import registry
from tinify.entropy_coder import using_entropy_coder
from tinify.errors import ConfigError, UnknownComponentError

# tinify's contexts compute in another order and so write streams of their own; the pictures agree all the same.
SAME_STREAMS = ["bmshj2018-factorized", "bmshj2018-factorized-relu", "bmshj2018-hyperprior", "mbt2018-mean",
                "bmshj2018-hyperprior-vbr", "mbt2018-mean-vbr"]  # fmt: skip


def tensor(picture):
    return torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255


def assert_same(state, other):
    assert set(state) == set(other)
    for key, value in state.items():
        assert value.dtype == other[key].dtype and torch.equal(value, other[key]), key


@pytest.mark.parametrize("name", SIZES)
def test_weights_and_tables_go_to_tinify_and_back_unchanged(codec_named, name):
    model = codec_named(name).model
    mine = tinify_compressai.to_tinify(model)
    assert type(mine) is registry.get("codec", name)
    assert_same(model.state_dict(), mine.state_dict())
    back = tinify_compressai.to_compressai(mine)
    assert type(back) is type(model)
    assert_same(model.state_dict(), back.state_dict())


@pytest.mark.parametrize("name", SIZES)
@torch.no_grad()
def test_both_give_the_same_picture(codec_named, picture, name):
    codec = codec_named(name)
    mine, x = tinify_compressai.to_tinify(codec), tensor(picture)
    level = {"level": 3.0} if codec.has_levels else {}
    torch.testing.assert_close(mine(x, **level).x_hat, codec(x, **level).x_hat, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", SAME_STREAMS)
@torch.no_grad()
def test_strings_of_either_decode_on_the_other(codec_named, picture, name):
    codec, x = codec_named(name), tensor(picture)
    mine = tinify_compressai.to_tinify(codec)
    level = {"level": 3.0} if codec.has_levels else {}
    with using_entropy_coder("rans64"):
        ours, theirs = mine.compress(x, **level), codec.compress(x, **level)
        assert ours.strings == theirs.strings
        there = codec.decompress(ours.strings, ours.shape, **level).x_hat
        here = mine.decompress(theirs.strings, theirs.shape, **level).x_hat
    torch.testing.assert_close(here, there, rtol=0, atol=1e-4)


@torch.no_grad()
def test_strings_of_compressai_s_own_coder_decode_here_and_ours_there(codec_named, picture):
    from compressai.models import MeanScaleHyperprior

    codec, x = codec_named("mbt2018-mean"), tensor(picture)
    theirs = MeanScaleHyperprior.from_state_dict(codec.state_dict()).eval()  # nothing of this plugin in it
    out = theirs.compress(x)
    assert codec.compress(x).strings == out["strings"]
    torch.testing.assert_close(theirs.decompress(**codec.compress(x))["x_hat"], codec.decompress(**out).x_hat)


@pytest.mark.parametrize("name", ["mbt2018", "cheng2020-anchor", "mbt2018-vbr"])
@torch.no_grad()
def test_raster_scans_write_the_bytes_of_compressai_itself(codec_named, picture, name):
    from compressai.registry import MODELS

    codec, x = codec_named(name), tensor(picture[:, :64])
    theirs = MODELS[name].from_state_dict(codec.state_dict()).eval()
    rate = codec.rate_at(2.0)
    out = theirs.compress(x, **rate)
    assert codec.model.compress(x, **rate)["strings"] == out["strings"]
    x_hat = theirs.decompress(out["strings"], out["shape"], **rate)["x_hat"]
    torch.testing.assert_close(codec.decompress(out["strings"], out["shape"], 2.0).x_hat, x_hat)


@pytest.mark.parametrize("name", ["mbt2018-mean", "bmshj2018-hyperprior-vbr"])
def test_files_go_both_ways(codec_named, picture, name):
    codec = codec_named(name)
    mine = tinify_compressai.to_tinify(codec)
    mine.name = "mine"
    assert mine.fingerprint() == codec.fingerprint()
    with using_entropy_coder("rans64"):
        data = tinify.compress(picture, codec=mine, quality=100)
    there = tinify.decompress(data, codec=codec)
    here = tinify.decompress(tinify.compress(picture, codec=codec, quality=100), codec=mine)
    assert abs(there.astype(int) - here.astype(int)).max() <= 1


def test_tables_of_any_size_load_into_a_new_model(codec_named):
    state = codec_named("mbt2018-mean").state_dict()
    fresh = registry.build("codec", "compressai-mbt2018-mean", N=8, M=12)
    fresh.load_state_dict({f"module.{key}": value for key, value in state.items()})
    assert_same(state, fresh.state_dict())


def test_a_variable_bottleneck_goes_both_ways():
    codec = registry.build("codec", "compressai-bmshj2018-hyperprior-vbr", N=8, M=12, vr_entbttlnck=True)
    codec.update()
    mine = tinify_compressai.to_tinify(codec)
    assert mine.vr_entbttlnck
    assert_same(codec.state_dict(), tinify_compressai.to_compressai(mine).state_dict())


def test_a_gain_is_refused_by_name():
    mine = registry.build("codec", "mbt2018-mean", N=8, M=12, gain_levels=3)
    with pytest.raises(ConfigError, match=r"gain\.log_gain"):
        tinify_compressai.to_compressai(mine)


def test_a_codec_that_compressai_has_not_is_named():
    with pytest.raises(UnknownComponentError, match="wavelet-mixing"):
        tinify_compressai.to_compressai(registry.build("codec", "wavelet-mixing"))
