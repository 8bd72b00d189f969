# SPDX-License-Identifier: Apache-2.0
import copy

import pytest
import torch
from torch import nn

from tinify import _core
from tinify.layers import (
    GDN,
    AttentionBlock,
    ResidualBlock,
    ResidualBlockUpsample,
    ResidualBlockWithStride,
    ResidualBottleneckBlock,
    conv,
    conv1x1,
    conv3x3,
    deconv,
    native,
    subpel_conv3x3,
)
from tinify.layers.native import fast_inference
from tinify.layers.native_blocks import Attention, Residual, Torch, chain, growth
from tinify.layers.native_layers import Convolution, Room

LAYERS = {
    "3x3": lambda: conv3x3(32, 48),
    "3x3 stride 2": lambda: conv3x3(32, 48, stride=2),
    "3x3 stride 2 of a picture": lambda: conv3x3(3, 48, stride=2),
    "1x1": lambda: conv1x1(32, 48),
    "1x1 stride 2": lambda: conv1x1(32, 48, stride=2),
    "1x1 stride 2 of a picture": lambda: conv1x1(3, 48, stride=2),
    "subpixels": lambda: subpel_conv3x3(32, 48, 2),
    "ReLU": lambda: nn.Sequential(conv3x3(32, 16), nn.ReLU(inplace=True)),
    "leaky ReLU": lambda: nn.Sequential(conv1x1(32, 16), nn.LeakyReLU(0.2)),
    "GDN of a 1x1": lambda: nn.Sequential(conv1x1(32, 16), GDN(16)),
}
BLOCKS = {
    "residual": lambda: ResidualBlock(32, 32),
    "residual, other channels": lambda: ResidualBlock(32, 48),
    "with stride": lambda: ResidualBlockWithStride(32, 32),
    "with stride, other channels": lambda: ResidualBlockWithStride(32, 48),
    "with stride, of a picture": lambda: ResidualBlockWithStride(3, 48),
    "with stride 1": lambda: ResidualBlockWithStride(32, 32, stride=1),
    "upsample": lambda: ResidualBlockUpsample(32, 48),
    "bottleneck": lambda: ResidualBottleneckBlock(32, 32),
    "bottleneck, other channels": lambda: ResidualBottleneckBlock(32, 64),
    "attention": lambda: AttentionBlock(32),
}


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


def _made(*makes):
    torch.manual_seed(7)
    module = nn.Sequential(*(make() for make in makes))
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, GDN):
                size = layer.beta.numel()
                layer.beta.copy_(layer.beta_reparam.init(torch.rand(size) + 0.5))
                layer.gamma.copy_(layer.gamma_reparam.init(torch.rand(size, size) / size))
            elif getattr(layer, "bias", None) is not None:
                layer.bias.normal_()
    return module


def _input(module, *size):
    inputs = next(layer for layer in module.modules() if isinstance(layer, nn.Conv2d)).in_channels
    return torch.randn(2, inputs, *size)


def _error(module, x):
    with torch.no_grad():
        exact, out = copy.deepcopy(module).double()(x.double()), fast_inference(module)(x)
    assert out.shape == exact.shape
    return ((out - exact).abs().max() / exact.abs().max()).item()


def _steps(module):
    return native._PLANS(module).chain.steps


@pytest.mark.parametrize("simd", ["scalar", "avx2", "avx512"], indirect=True)
@pytest.mark.parametrize("name", list(LAYERS) + list(BLOCKS))
def test_equals_float64_to_float_rounding(simd, name):
    module = _made((LAYERS | BLOCKS)[name])
    for size in [(9, 14), (1, 1), (2, 37)]:
        assert _error(module, _input(module, *size)) < 1e-5
    assert [type(step) for step in _steps(module)] in ([Convolution], [Residual], [Attention])


@pytest.mark.parametrize("channels", [(16, 16), (96, 160), (320, 16)])
def test_3x3_of_any_whole_number_of_channels(channels):
    module = _made(lambda: conv3x3(*channels))
    assert _error(module, _input(module, 11, 14)) < 1e-5


@pytest.mark.parametrize(
    "make",
    [
        lambda: conv3x3(3, 16),
        lambda: conv3x3(16, 3),
        lambda: conv1x1(20, 16),
        lambda: subpel_conv3x3(32, 3, 2),
        lambda: ResidualBlock(24, 24),
        lambda: ResidualBottleneckBlock(48, 48),
        lambda: AttentionBlock(16),
        lambda: nn.Conv2d(16, 16, 3, padding=2, dilation=2),
        lambda: nn.Conv2d(16, 16, 3, padding=1, groups=2),
        lambda: nn.Conv2d(16, 16, 3, padding=1, padding_mode="reflect"),
    ],
)
def test_what_has_no_native_form_stays_torchs(make):
    module = _made(make)
    assert _error(module, _input(module, 12, 9)) < 1e-5
    assert all(isinstance(step, Torch) for step in _steps(module))


def test_a_shuffle_of_three_follows_as_torch_does_it():
    module = _made(lambda: subpel_conv3x3(32, 16, 3))
    assert _error(module, _input(module, 12, 9)) < 1e-5
    assert [type(step) for step in _steps(module)] == [Convolution, Torch]


def _transforms():
    analysis = _made(
        lambda: ResidualBlockWithStride(3, 32), lambda: ResidualBlock(32, 32), lambda: AttentionBlock(32),
        lambda: ResidualBottleneckBlock(32, 32), lambda: nn.Softplus(), lambda: ResidualBlockWithStride(32, 32, 1),
        lambda: conv3x3(32, 48, stride=2), lambda: nn.Identity(), lambda: AttentionBlock(48), lambda: conv(48, 32),
    )  # fmt: skip
    synthesis = _made(
        lambda: AttentionBlock(32), lambda: ResidualBlock(32, 32), lambda: ResidualBlockUpsample(32, 32),
        lambda: nn.ReLU(inplace=True), lambda: deconv(32, 48), lambda: GDN(48, inverse=True),
        lambda: ResidualBottleneckBlock(48, 32), lambda: subpel_conv3x3(32, 3, 2),
    )  # fmt: skip
    return analysis, synthesis


@pytest.mark.parametrize("which", [0, 1])
def test_whole_transforms_that_use_memory_again(which):
    module = _transforms()[which]
    for size in [(33, 50), (16, 8)]:
        x = _input(module, *size)
        kept = x.clone()
        assert _error(module, x) < 1e-5
        assert torch.equal(x, kept)


@pytest.mark.parametrize("which", [0, 1])
def test_threads_and_batches_change_no_bit(which):
    module, before = _transforms()[which], torch.get_num_threads()
    x = _input(module, 40, 28)
    results = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            native._PLANS.entries.clear()
            with torch.no_grad():
                results.append(_native_only(module, x))
                alone = torch.cat([_native_only(module, part) for part in x.split(1)])
            assert torch.equal(results[-1], alone)
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(results[0], other) for other in results[1:])


def _native_only(module, x):
    """Through the native steps alone, since torch's layers may change with threads and batch."""
    room = Room()
    for step in _steps(module):
        if not isinstance(step, Torch):
            x = step(x, room)
    return x.clone()


def test_changed_weights_in_a_block_are_seen():
    module = _transforms()[0]
    x = _input(module, 16, 16)
    _error(module, x)
    with torch.no_grad():
        module[1].conv2.weight.mul_(1.5)
    assert _error(module, x) < 1e-5


def test_hooks_in_a_block_are_called():
    module, seen = _transforms()[0], []
    module[2].conv_a[0].register_forward_hook(lambda *args: seen.append(True))
    _error(module, _input(module, 16, 16))
    assert seen


def test_a_result_holds_no_larger_memory_than_its_own():
    module = _transforms()[0]
    with torch.no_grad():
        y = fast_inference(module)(_input(module, 64, 64))
    assert y.untyped_storage().nbytes() == 4 * y.numel()


def test_gates_do_not_overflow():
    b = torch.tensor([-1e30, -200.0, -87.5, -1.0, 0.0, 1.0, 88.0, 1e30]).repeat(2).view(1, 1, 1, 16)
    a, x = torch.full_like(b, 3.0), torch.zeros_like(b)
    _core.gate(a, b, x, 1)
    torch.testing.assert_close(x, 3 * torch.sigmoid(b.double()).float(), rtol=1e-6, atol=1e-30)


def test_memory_is_used_again_and_what_is_kept_is_not():
    room = Room()
    a = room.take(1, 16, 8, 8)
    with room.kept(a):
        assert not room.owns(a)
        room.give(a)
        b = room.take(1, 16, 8, 8)
        assert b.data_ptr() != a.data_ptr()
    room.give(a)
    assert room.take(1, 16, 4, 4).data_ptr() == a.data_ptr()


def test_growth_counts_the_pixels_of_a_block_once():
    assert growth(_transforms()[1]) == 4 * 4 * 4
    assert growth(_transforms()[0]) == 1


def test_an_empty_chain_gives_its_input():
    x = torch.randn(1, 16, 2, 2)
    assert chain([])(x, Room()) is x
