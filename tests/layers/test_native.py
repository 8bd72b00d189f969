# SPDX-License-Identifier: Apache-2.0
import copy
import gc

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tinify import _core
from tinify.errors import InputError
from tinify.layers import GDN, conv, deconv, native
from tinify.layers.native import fast_inference

SIMD = ["scalar", "avx2", "avx512"]


@pytest.fixture(autouse=True)
def _small_pictures_too(monkeypatch):
    monkeypatch.setattr(native, "_MINIMUM_PIXELS", 0)
    monkeypatch.setattr(native, "_ENABLED", True)


@pytest.fixture
def simd(request):
    before = _core.transform_simd()
    if not _core.use_transform_simd(request.param):
        pytest.skip(f"this processor has no {request.param}")
    yield
    _core.use_transform_simd(before)


def _randomise(module):
    torch.manual_seed(5)
    with torch.no_grad():
        for layer in module:
            if isinstance(layer, GDN):
                size = layer.beta.numel()
                layer.beta.copy_(layer.beta_reparam.init(torch.rand(size) + 0.5))
                layer.gamma.copy_(layer.gamma_reparam.init(torch.rand(size, size) / size))
            elif hasattr(layer, "bias"):
                layer.bias.normal_()
    return module


def _analysis(N=32, M=48):
    return _randomise(nn.Sequential(conv(3, N), GDN(N), conv(N, N), GDN(N), conv(N, M)))


def _synthesis(N=32, M=48):
    return _randomise(
        nn.Sequential(deconv(M, N), GDN(N, inverse=True), deconv(N, N), GDN(N, inverse=True), deconv(N, 3))
    )


def _planned(module):
    return module in native._PLANS.entries


def _exact(module, x):
    with torch.no_grad():
        return copy.deepcopy(module).double()(x.double())


def _error(module, x):
    with torch.no_grad():
        out = fast_inference(module)(x)
    assert _planned(module)
    exact = _exact(module, x)
    assert out.shape == exact.shape
    assert out.dtype == torch.float32
    return ((out - exact).abs().max() / exact.abs().max()).item()


@pytest.mark.parametrize("simd", SIMD, indirect=True)
@pytest.mark.parametrize("size", [(8, 8), (64, 96), (72, 200), (17, 33), (1, 1), (2, 90)])
def test_an_analysis_equals_torch_to_float_rounding(simd, size):
    assert _error(_analysis(), torch.rand(2, 3, *size)) < 1e-5


@pytest.mark.parametrize("simd", SIMD, indirect=True)
@pytest.mark.parametrize("size", [(1, 1), (4, 4), (8, 12), (9, 5), (17, 33), (1, 50)])
def test_a_synthesis_equals_torch_to_float_rounding(simd, size):
    assert _error(_synthesis(), torch.randn(2, 48, *size)) < 1e-5


@pytest.mark.parametrize("channels", [(16, 16), (128, 192), (320, 16), (48, 112)])
@pytest.mark.parametrize("kind", [conv, deconv])
def test_one_layer_of_any_whole_number_of_channels_equals_torch(kind, channels):
    assert _error(_randomise(nn.Sequential(kind(*channels))), torch.randn(1, channels[0], 11, 14)) < 1e-5


@pytest.mark.parametrize("pictures", [1, 3, 4, 7])
def test_pictures_of_other_channel_numbers_equal_torch(pictures):
    assert _error(_randomise(nn.Sequential(conv(pictures, 16), GDN(16))), torch.rand(1, pictures, 20, 31)) < 1e-5


@pytest.mark.parametrize("outputs", [1, 2, 3])
def test_few_output_channels_equal_torch(outputs):
    assert _error(_randomise(nn.Sequential(deconv(20, outputs))), torch.rand(1, 20, 37, 9)) < 1e-5


def test_layers_that_have_no_native_form_stay_torchs():
    module = nn.Sequential(
        conv(3, 16), nn.LeakyReLU(), conv(16, 16, 3, 1), GDN(16), conv(16, 24), deconv(24, 16), GDN(16)
    )
    assert _error(_randomise(module), torch.rand(1, 3, 40, 24)) < 1e-5


def test_a_layer_without_bias_is_taken_too():
    module = nn.Sequential(nn.Conv2d(16, 16, 5, stride=2, padding=2, bias=False))
    assert _error(module, torch.randn(1, 16, 12, 12)) < 1e-5


@pytest.mark.parametrize("module", [_analysis(), _synthesis()])
def test_the_number_of_threads_changes_no_bit(module):
    x = torch.randn(2, 3 if isinstance(module[0], nn.Conv2d) else 48, 70, 90)
    results, before = [], torch.get_num_threads()
    try:
        for threads in (1, 2, 3, 1):
            torch.set_num_threads(threads)
            native._PLANS.entries.clear()
            with torch.no_grad():
                results.append(fast_inference(module)(x))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(results[0], other) for other in results[1:])


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_any_memory_format_is_taken_and_the_input_left_alone(memory_format):
    module, x = _analysis(), torch.rand(1, 3, 48, 80).contiguous(memory_format=memory_format)[:, :, 3:, ::2]
    kept = x.clone()
    with torch.inference_mode():
        out = fast_inference(module)(x)
        assert torch.equal(out, fast_inference(module)(kept.contiguous()))
    assert torch.equal(x, kept)


@pytest.mark.parametrize("change", [lambda p: p.mul_(1.5), lambda p: p.data.mul_(1.5)])
@pytest.mark.parametrize("which", [0, 1, 3])
def test_changed_weights_are_seen(change, which):
    module, x = _analysis(), torch.rand(1, 3, 32, 32)
    _error(module, x)
    with torch.no_grad():
        change(next(iter(module[which].parameters())))
    assert _error(module, x) < 1e-5


def test_a_replaced_layer_is_seen():
    module, x = _analysis(), torch.rand(1, 3, 32, 32)
    _error(module, x)
    module[1] = nn.Identity()
    assert _error(module, x) < 1e-5
    module[0].bias = None
    assert _error(module, x) < 1e-5


def test_gradients_flow_where_they_are_needed():
    module = _analysis()
    x = torch.rand(1, 3, 32, 32, requires_grad=True)
    fast_inference(module)(x).square().sum().backward()
    assert x.grad.abs().sum() > 0
    assert all(p.grad is not None for p in module.parameters())
    assert not _planned(module)


@pytest.mark.parametrize(
    "reason", ["double", "hook", "autocast", "disabled", "small", "empty"], ids=lambda reason: f"because of {reason}"
)
def test_torch_computes_what_native_cannot(reason, monkeypatch):
    module, x = _analysis(), torch.rand(1, 3, 32, 32)
    seen = []
    if reason == "double":
        module, x = module.double(), x.double()
    elif reason == "hook":
        module[2].register_forward_hook(lambda *args: seen.append(True))
    elif reason == "disabled":
        monkeypatch.setattr(native, "_ENABLED", False)
    elif reason == "small":
        monkeypatch.setattr(native, "_MINIMUM_PIXELS", 32 * 32 + 1)
    elif reason == "empty":
        x = x[:0]
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=reason == "autocast"):
        assert torch.equal(fast_inference(module)(x), module(x))
    assert not _planned(module)
    assert bool(seen) == (reason == "hook")


@pytest.mark.parametrize("size", [(128, 128), (128, 127)])
def test_a_picture_gives_the_same_bits_alone_and_in_a_batch(size, monkeypatch):
    monkeypatch.setattr(native, "_MINIMUM_PIXELS", 128 * 128)
    module, x = _analysis(), torch.rand(3, 3, *size)
    with torch.no_grad():
        together = fast_inference(module)(x)
        assert _planned(module) == (size == (128, 128))
        alone = torch.cat([fast_inference(module)(x[i : i + 1]) for i in range(3)])
    if _planned(module):
        assert torch.equal(together, alone)
    else:
        torch.testing.assert_close(together, alone)


def test_transformed_weights_live_no_longer_than_the_module():
    module = _analysis()
    _error(module, torch.rand(1, 3, 32, 32))
    plans = len(native._PLANS.entries)
    del module
    gc.collect()
    assert len(native._PLANS.entries) < plans


def test_shapes_that_do_not_fit_are_refused():
    weight, bias = torch.randn(16, 16, 5, 5), torch.randn(16)
    layer = _core.WinogradConv(weight, bias, "halve", 1)
    x, y = torch.randn(1, 9, 9, 16), torch.empty(1, 5, 5, 16)
    layer.run(x, y, None, 1)
    torch.testing.assert_close(
        y.permute(0, 3, 1, 2), F.conv2d(x.permute(0, 3, 1, 2), weight, bias, 2, 2), rtol=1e-4, atol=1e-3
    )
    gdn, own = _core.GdnLayer(torch.eye(32), torch.ones(32), False), _core.GdnLayer(torch.eye(16), torch.ones(16), True)
    for args in [
        (x, y[:, :4].contiguous(), None, 1),
        (x[..., :8].contiguous(), y, None, 1),
        (x, y, gdn, 1),
        (x, y, None, 0),
        (x, y, None, 1, 1.0, torch.empty(1, 5, 4, 16)),
        (x, y, own, 1, 1.0, torch.empty(1, 5, 5, 16), 0.0),
    ]:
        with pytest.raises(InputError):
            layer.run(*args)
    with pytest.raises(InputError):
        _core.gate(x, y, x, 1)


@pytest.mark.parametrize(
    ("kind", "shape"),
    [("halve", (16, 16, 4)), ("halve", (16, 8, 3)), ("halve", (8, 16, 5)), ("double", (16, 16, 3)),
     ("same", (16, 16, 5)), ("shuffle", (16, 16, 3)), ("shuffle", (62, 16, 3)), ("other", (16, 16, 3))],
)  # fmt: skip
def test_kernels_that_a_layer_cannot_have_are_refused(kind, shape):
    with pytest.raises(InputError):
        _core.WinogradConv(torch.randn(*shape, shape[-1]), torch.randn(shape[0]), kind, 1)


def test_layers_that_do_not_fit_are_refused():
    with pytest.raises(InputError):
        _core.PictureDeconv(torch.randn(16, 4, 5, 5), torch.randn(4))
    with pytest.raises(InputError):
        _core.PointwiseConv(torch.randn(16, 16, 3, 3), torch.randn(16), 1)
    with pytest.raises(InputError):
        _core.PointwiseConv(torch.randn(16, 16, 1, 1), torch.randn(16), 3)
    with pytest.raises(InputError):
        _core.GdnLayer(torch.eye(8), torch.ones(8), False)
