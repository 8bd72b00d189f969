# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from tinify import _core
from tinify.errors import InputError
from tinify.transforms import LiftingAnalysis, LiftingSynthesis, lifting_native

TYPES = {"9/7": torch.float32, "5/3": torch.int32}
SHAPES = [(1, 1), (1, 9), (8, 1), (2, 2), (2, 3), (3, 2), (5, 4), (16, 17), (33, 50), (97, 128)]


@pytest.fixture
def instructions():
    now = _core.transform_simd()
    yield [name for name in ("scalar", "avx2", "avx512") if _core.use_transform_simd(name)]
    _core.use_transform_simd(now)


@pytest.fixture
def threads():
    now = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(now)


def numbers(wavelet, *shape):
    x = 100 * torch.randn(shape, generator=torch.Generator().manual_seed(0))
    return x if wavelet == "9/7" else x.round().int()


def both(wavelet, x, levels, monkeypatch, **options):
    """Analysis and synthesis by the core, and by torch."""
    sides = [(LiftingAnalysis(wavelet, levels), {}), (LiftingSynthesis(wavelet, levels), options)]
    core = [side(x, **given) for side, given in sides]
    with monkeypatch.context() as patch:
        patch.setattr(lifting_native, "suits", lambda *_: False)
        return core, [side(x, **given) for side, given in sides]


def same(core, torchs):
    if core.dtype == torch.int32:
        return torch.equal(core, torchs)
    return (core - torchs).abs().max() <= 1e-4 * torchs.abs().max()


@pytest.mark.parametrize("wavelet", TYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("levels", [0, 1, 2, 3, 7])
def test_the_core_gives_what_torch_gives(wavelet, shape, levels, monkeypatch):
    x = numbers(wavelet, 2, 3, *shape)
    assert lifting_native.suits(x, wavelet, levels)
    core, torchs = both(wavelet, x, levels, monkeypatch)
    assert all(map(same, core, torchs))
    assert all(out.shape == x.shape and out.is_contiguous() for out in core)


@pytest.mark.parametrize("wavelet", TYPES)
@pytest.mark.parametrize("skip", [1, 3])
def test_a_synthesis_that_stops_early_gives_what_torch_gives(wavelet, skip, monkeypatch):
    core, torchs = both(wavelet, numbers(wavelet, 2, 33, 50), 3, monkeypatch, skip=skip)
    assert same(core[1], torchs[1])


def test_hostile_integers_wrap_as_those_of_torch(monkeypatch):
    x = torch.randint(-(2**31), 2**31 - 1, (1, 33, 34), dtype=torch.int32)
    core, torchs = both("5/3", x, 4, monkeypatch)
    assert all(map(torch.equal, core, torchs))


@pytest.mark.parametrize("wavelet", TYPES)
def test_every_instruction_set_gives_the_same_bits(wavelet, instructions):
    x = numbers(wavelet, 3, 97, 131)
    results = []
    for name in instructions:
        _core.use_transform_simd(name)
        y = LiftingAnalysis(wavelet, 4)(x)
        results.append((y, LiftingSynthesis(wavelet, 4)(y)))
    assert all(torch.equal(a, b) for result in results for a, b in zip(result, results[0], strict=True))


@pytest.mark.parametrize("wavelet", TYPES)
def test_every_number_of_threads_gives_the_same_bits(wavelet, threads):
    x = numbers(wavelet, 2, 1501, 801)  # more than is worth a second thread
    results = []
    for count in (1, 2, 5):
        threads(count)
        y = LiftingAnalysis(wavelet, 3)(x)
        results.append((y, LiftingSynthesis(wavelet, 3)(y)))
    assert all(torch.equal(a, b) for result in results for a, b in zip(result, results[0], strict=True))


def test_a_picture_gives_the_same_bits_alone_and_among_others():
    x = numbers("9/7", 3, 3, 40, 50)
    assert torch.equal(LiftingAnalysis()(x)[1], LiftingAnalysis()(x[1:2].clone())[0])


@pytest.mark.parametrize("change", [lambda x: x.transpose(-1, -2), lambda x: x[..., ::2], lambda x: x[:, :, 3:20, 5:]])
def test_views_are_read_where_they_lie(change, monkeypatch):
    core, torchs = both("9/7", change(numbers("9/7", 2, 3, 24, 30)), 3, monkeypatch)
    assert all(map(same, core, torchs))


def test_gradients_and_other_types_are_left_to_torch():
    x = torch.zeros(4, 4, requires_grad=True)
    assert not lifting_native.suits(x, "9/7", 3)
    assert not lifting_native.suits(x.detach().double(), "9/7", 3)
    assert not lifting_native.suits(x.detach(), "5/3", 3)
    assert not lifting_native.suits(x.detach(), "9/7", 100)
    with torch.no_grad():
        assert lifting_native.suits(x, "9/7", 3)


@pytest.mark.parametrize("width, levels, threads", [(5, 1, 1), (4, -1, 1), (4, 65, 1), (4, 1, 0), (0, 1, 1)])
def test_the_core_refuses_what_does_not_fit(width, levels, threads):
    with pytest.raises(InputError):
        x, y = (np.zeros((1, 4, size), np.float32) for size in (4 * (width > 0), width))
        _core.lifting_analysis(x, y, levels, threads)
