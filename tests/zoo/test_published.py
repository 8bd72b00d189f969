# SPDX-License-Identifier: Apache-2.0
"""CompressAI's checkpoints, from a server of this test that has small ones under the names of the real ones."""

import hashlib
import io
import pickle
import re

import numpy as np
import pytest
import torch

from tinify import api, registry, zoo
from tinify.errors import ConfigError, UnknownComponentError, WeightsError
from tinify.zoo import published
from tinify.zoo.weights import load_state_dict, read_state_dict

HERE = {row.name for row in registry.components("codec")}
ARCHITECTURES = [name for name in (*published.SIZES, *published.VARIABLE_SIZES) if name in HERE]
SMALL = {"N": 4, "M": 6}


def saved(thing):
    buffer = io.BytesIO()
    torch.save(thing, buffer)
    return buffer.getvalue()


@pytest.fixture
def model():
    torch.manual_seed(3)
    codec = registry.build("codec", "bmshj2018-factorized", **SMALL)
    with torch.no_grad():
        codec.g_a[-1].weight *= 50
    codec.update()
    return codec


@pytest.fixture
def publish(file_server, monkeypatch):
    """`publish(bytes)` serves them as bmshj2018-factorized, quality 3, on a mirror; gives the server."""

    def publish(body, *, sha8=None, **kwargs):
        sha8 = sha8 or hashlib.sha256(body).hexdigest()[:8]
        monkeypatch.setitem(published.SIZES, "bmshj2018-factorized", [SMALL] * 8)
        entry = ("bmshj2018-factorized", "mse", f"00000001 00000002 {sha8}")
        monkeypatch.setitem(published._FILES, "bmshj2018-factorized-prior", entry)
        server = file_server({f"bmshj2018-factorized-prior-3-{sha8}.pth.tar": body}, **kwargs)
        monkeypatch.setenv("TINIFY_MIRROR", server.url + "/")
        return server

    return publish


def load():
    return zoo.bmshj2018_factorized(quality=3, metric="mse", pretrained=True)


def assert_same(loaded, model):
    mine, expected = loaded.state_dict(), model.state_dict()
    assert list(mine) == list(expected)
    for key, value in expected.items():
        assert torch.equal(mine[key], value), key


def test_the_table_has_every_file_once_under_a_name_with_its_hash():
    found = zoo.checkpoints()
    assert len(found) == 91
    assert len({c.sha8 for c in found.values()}) == len({c.file for c in found.values()}) == 91
    for checkpoint in found.values():
        assert re.fullmatch(r"[a-z0-9_-]+-[0-9a-f]{8}\.pth\.tar", checkpoint.file)
        assert checkpoint.file.removesuffix(".pth.tar").endswith(f"-{checkpoint.sha8}")


@pytest.mark.parametrize(
    ("name", "file", "sizes"),
    [
        ("bmshj2018-factorized-mse-3", "bmshj2018-factorized-prior-3-5c6f152b", (128, 192)),
        ("bmshj2018-factorized-ms-ssim-6", "bmshj2018-factorized-ms-ssim-6-ee028763", (192, 320)),
        ("bmshj2018-hyperprior-mse-5", "bmshj2018-hyperprior-5-f8b614e1", (128, 192)),
        ("mbt2018-mean-ms-ssim-5", "mbt2018-mean-ms-ssim-5-1be7f059", (192, 320)),
        ("mbt2018-mse-4", "mbt2018-4-456e2af9", (192, 192)),
        ("cheng2020-anchor-mse-3", "cheng2020-anchor-3-e49be189", (128,)),
        ("cheng2020-anchor-ms-ssim-4", "cheng2020_anchor-ms-ssim-4-0e658304", (192,)),
        ("cheng2020-attn-mse-6", "cheng2020_attn-mse-6-730501f2", (192,)),
        ("mbt2018-vbr-mse", "mbt2018-mse-vbr-f12581a1", (192, 320)),
    ],
)
def test_addresses_and_sizes_are_those_of_compressai(name, file, sizes):
    checkpoint = zoo.checkpoints()[name]
    assert checkpoint.weights.url == f"https://compressai.s3.amazonaws.com/models/v1/{file}.pth.tar"
    assert tuple(checkpoint.arguments.values()) == sizes
    assert zoo.find(name).weights == checkpoint.weights


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_function_of_compressais_name_builds_every_size(architecture):
    function = getattr(zoo, architecture.replace("-", "_"))
    assert zoo.image_models[architecture] is function
    for quality, sizes in enumerate(published.SIZES.get(architecture, [published.VARIABLE_SIZES.get(architecture)]), 1):
        with torch.device("meta"):
            codec = function(quality=quality, metric="mse", pretrained=False)
        assert type(codec) is registry.get("codec", architecture)
        assert {name: getattr(codec, name) for name in sizes} == sizes


def test_every_function_has_an_architecture_and_the_reverse():
    assert set(zoo.image_models) == {*published.SIZES, *published.VARIABLE_SIZES}


def test_published_weights_load_and_are_fetched_once(publish, model, cache):
    server = publish(saved(model.state_dict()))
    for _ in range(2):
        assert_same(load(), model)
    assert server.ranges == [None]
    (file,) = cache.iterdir()
    assert file.name in server.files


def test_a_model_of_the_function_can_be_trained_and_one_of_load_is_ready(publish, model):
    publish(saved(model.state_dict()))
    trainable, ready = load(), zoo.load("bmshj2018-factorized-mse-3")
    assert trainable.training and all(p.requires_grad for p in trainable.parameters())
    assert not ready.training and not any(p.requires_grad for p in ready.parameters())
    assert ready.name == "bmshj2018-factorized-mse-3"
    assert ready.fingerprint() == model.fingerprint()


def test_files_name_a_published_checkpoint_and_decode_with_it(publish, model, monkeypatch):
    publish(saved(model.state_dict()))
    monkeypatch.setattr(api, "_codecs", {})
    picture = np.random.default_rng(0).integers(0, 256, (37, 50, 3), np.uint8)
    data = api.compress(picture, codec="bmshj2018-factorized-mse-3")
    assert api.decompress(data).shape == picture.shape


def test_another_hash_is_refused(publish, model):
    publish(saved(model.state_dict()), sha8="0123abcd")
    with pytest.raises(WeightsError, match="instead of 0123abcd; nothing was kept"):
        load()


def test_a_damaged_file_in_the_cache_is_refused(publish, model, cache):
    publish(saved(model.state_dict()))
    load()
    next(cache.iterdir()).write_bytes(b"damaged")
    with pytest.raises(WeightsError, match="and its name says"):
        load()


def test_a_download_that_was_cut_off_is_continued(publish, model, cache):
    server = publish(saved(model.state_dict()), cuts=[500, 0])
    with pytest.raises(WeightsError, match="500 bytes are kept"):
        load()
    assert_same(load(), model)
    assert server.ranges == [None, "bytes=500-", "bytes=500-"]
    assert [path.suffix for path in cache.iterdir()] == [".tar"]


def test_offline_nothing_is_fetched_but_the_cache_serves(publish, model, monkeypatch):
    server = publish(saved(model.state_dict()))
    monkeypatch.setenv("TINIFY_OFFLINE", "1")
    with pytest.raises(WeightsError, match="TINIFY_OFFLINE is set"):
        load()
    assert server.ranges == []
    monkeypatch.delenv("TINIFY_OFFLINE")
    load()
    monkeypatch.setenv("TINIFY_OFFLINE", "1")
    assert_same(load(), model)


def test_a_mirror_without_the_file_is_named(publish, model):
    server = publish(saved(model.state_dict()))
    server.files.clear()
    with pytest.raises(WeightsError, match=rf"cannot fetch {server.url}/bmshj2018-factorized-prior-3-.*404"):
        load()


def test_a_mirror_that_is_no_url_is_refused(monkeypatch):
    monkeypatch.setenv("TINIFY_MIRROR", "/srv/models")
    with pytest.raises(ConfigError, match="TINIFY_MIRROR is '/srv/models'"):
        load()


def test_what_compressai_fetched_before_is_used_where_it_is(publish, model, tmp_path, cache):
    body = saved(model.state_dict())
    server = publish(body)
    hub = tmp_path / "torch" / "hub" / "checkpoints"
    hub.mkdir(parents=True)
    (hub / next(iter(server.files))).write_bytes(body)
    assert_same(load(), model)
    assert server.ranges == [] and not cache.exists()


def test_names_of_data_parallel_training_load(publish, model):
    publish(saved(torch.nn.DataParallel(model).state_dict()))
    assert_same(load(), model)


@pytest.mark.parametrize("form", [r"entropy_bottleneck._\1\2", r"entropy_bottleneck._\1.\2"])
def test_old_names_of_the_entropy_bottleneck_load(publish, model, form):
    def old(key):
        key = re.sub(r"^entropy_bottleneck\.(matrices|biases|factors)\.(\d)$", form, key)
        singular = {"_matrices": "_matrix", "_biases": "_bias", "_factors": "_factor"}
        return re.sub(r"(_matrices|_biases|_factors)(\d)$", lambda m: singular[m[1]] + m[2], key)

    state = {old(key): value for key, value in model.state_dict().items()}
    assert not set(state) <= set(model.state_dict())
    publish(saved(state))
    assert_same(load(), model)


def test_downsample_is_todays_skip_and_what_nothing_uses_is_left_out():
    state = {"module.g_a.0.downsample.weight": 1, "g_a.1.conv1.weight": 2, "QuantOffset": 3}
    assert load_state_dict(state) == {"g_a.0.skip.weight": 1, "g_a.1.conv1.weight": 2}


@pytest.mark.parametrize("tables", ["none", "empty", "other"])
def test_tables_of_any_size_load(publish, model, tables):
    state = dict(model.state_dict())
    names = [f"entropy_bottleneck.{name}" for name in ("_quantized_cdf", "_cdf_length", "_offset")]
    for name in names:
        if tables == "none":
            del state[name]
        elif tables == "empty":
            state[name] = torch.IntTensor()
    if tables == "other":
        with torch.no_grad():
            model.entropy_bottleneck.quantiles[:, 0, 0] -= 40
        model.update(force=True)
        assert model.state_dict()[names[0]].shape != state[names[0]].shape
        state = model.state_dict()
    publish(saved(state))
    loaded = load()
    loaded.update()
    assert_same(loaded, model)


def test_a_training_checkpoint_gives_its_state_dict(publish, model):
    publish(saved({"epoch": 7, "state_dict": model.state_dict(), "loss": 0.5}))
    assert_same(load(), model)


def test_sizes_are_those_of_the_weights(publish):
    publish(saved(registry.build("codec", "bmshj2018-factorized", N=5, M=7).state_dict()))
    assert (load().N, load().M) == (5, 7)


@pytest.mark.parametrize("lost", ["g_a.0.weight", "g_s.2.bias", "entropy_bottleneck.quantiles"])
def test_weights_of_another_architecture_do_not_fit(publish, model, lost):
    publish(saved({key: value for key, value in model.state_dict().items() if key != lost}))
    with pytest.raises(WeightsError, match=rf"(?s)does not fit FactorizedPrior .*{lost}"):
        load()


class _Harm:
    def __reduce__(self):
        return exec, ("raise SystemExit('code of a checkpoint ran')",)


@pytest.mark.parametrize(
    "body",
    [b"", b"\x80\x04garbage", pickle.dumps(_Harm()), saved([1, 2]), saved({"a": 1}), saved({"state_dict": {"a": 1}})],
    ids=["empty", "garbage", "code", "a-list", "numbers", "numbers-within"],
)
def test_what_is_no_state_dict_is_refused_and_runs_no_code(publish, body):
    publish(body)
    with pytest.raises(WeightsError, match="does not fit"):
        load()


def test_a_cut_off_file_of_tensors_is_refused(tmp_path, model):
    path = tmp_path / "w.pth.tar"
    path.write_bytes(saved(model.state_dict())[:-100])
    with pytest.raises(WeightsError, match="does not fit"):
        read_state_dict(path)


@pytest.mark.parametrize("quality", [0, 9, -1, 2.5, None])
def test_a_quality_that_is_not_published_is_refused(quality):
    with pytest.raises(ValueError, match="has 1 to 8"):
        zoo.mbt2018_mean(quality=quality)


def test_a_metric_that_is_not_published_is_refused():
    with pytest.raises(ValueError, match="'psnr'; mbt2018-mean has 'mse' and 'ms-ssim'"):
        zoo.mbt2018_mean(quality=3, metric="psnr")
    with pytest.raises(ValueError, match="'m'; mbt2018-vbr has 'mse'"):
        zoo.mbt2018_vbr(metric="m")


def test_published_weights_and_own_arguments_do_not_mix():
    with pytest.raises(ConfigError, match="gain_levels"):
        zoo.mbt2018_mean(quality=3, pretrained=True, gain_levels=4)


@pytest.mark.skipif("bmshj2018-factorized-relu" not in HERE, reason="this architecture is not there yet")
def test_the_relu_codec_is_one_and_has_no_weights():
    kinds = {type(layer).__name__ for layer in zoo.bmshj2018_factorized_relu(quality=1).modules()}
    assert "ReLU" in kinds and "GDN" not in kinds
    with pytest.raises(WeightsError, match="no published weights of bmshj2018-factorized-relu"):
        zoo.bmshj2018_factorized_relu(quality=1, pretrained=True)


def test_a_name_that_is_nearly_published_comes_with_the_right_one():
    with pytest.raises(UnknownComponentError, match="did you mean 'mbt2018-mean-mse-3'"):
        zoo.find("mbt2018-mean-mse3")


def test_published_names_are_not_among_those_that_are_here():
    assert not set(zoo.names()) & set(zoo.checkpoints())
