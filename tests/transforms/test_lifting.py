# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinify.errors import ConfigError, InputError
from tinify.transforms import LiftingAnalysis, LiftingSynthesis, subband_norms, subbands

WAVELETS = ["9/7", "5/3"]


def noise(*shape, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


@pytest.mark.parametrize("wavelet", WAVELETS)
@pytest.mark.parametrize("height", range(1, 18))
def test_floats_of_every_size_come_back(wavelet, height):
    for width in range(1, 18):
        x = noise(2, height, width)
        y = LiftingAnalysis(wavelet, 3)(x)
        assert y.shape == x.shape
        assert torch.allclose(LiftingSynthesis(wavelet, 3)(y), x, atol=1e-12), f"{height} x {width}"


@pytest.mark.parametrize("height", range(1, 18))
def test_integers_of_every_size_come_back_exactly(height):
    for width in range(1, 18):
        x = torch.randint(-(1 << 28), 1 << 28, (2, height, width), dtype=torch.int32)
        y = LiftingAnalysis("5/3", 3)(x)
        assert y.dtype == torch.int32
        assert torch.equal(LiftingSynthesis("5/3", 3)(y), x), f"{height} x {width}"


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(np.int32, st.tuples(st.integers(1, 9), st.integers(1, 9)),
               elements=st.one_of(st.sampled_from([-32768, 32767, 65535, 0]), st.integers(-32768, 65535))),
    st.integers(0, 6),
)  # fmt: skip
def test_samples_of_sixteen_bits_come_back_at_any_depth(x, levels):
    x = torch.from_numpy(x)
    assert torch.equal(LiftingSynthesis("5/3", levels)(LiftingAnalysis("5/3", levels)(x)), x)


def test_integers_follow_the_rounded_steps():
    x = [7, -3, 12, 5, 9]
    d = [x[1] - (x[0] + x[2]) // 2, x[3] - (x[2] + x[4]) // 2]
    s = [x[0] + (2 * d[0] + 2) // 4, x[2] + (d[0] + d[1] + 2) // 4, x[4] + (2 * d[1] + 2) // 4]
    assert LiftingAnalysis("5/3", 1)(torch.tensor([x], dtype=torch.int32))[0].tolist() == s + d


@pytest.mark.parametrize("wavelet, name, starts", [("9/7", "bior4.4", (2, 2)), ("5/3", "bior2.2", (1, 1))])
@pytest.mark.parametrize("shape", [(2, 2), (3, 8), (16, 9), (17, 18), (40, 33)])
def test_subbands_are_those_of_pywavelets(wavelet, name, starts, shape):
    pywt = pytest.importorskip("pywt", reason="PyWavelets is not installed")
    low = noise(*shape)
    y = LiftingAnalysis(wavelet, 2)(low)
    for level in (1, 2):
        if level == 1 or min(low.shape) > 1:
            bands = _pywavelets(pywt, low.numpy(), name, starts)
            for band in subbands(*shape, 2):
                if band.level == level and band.kind != "LL":
                    np.testing.assert_allclose(y[band.where], bands[band.kind], atol=1e-9)
            low = torch.from_numpy(bands["LL"])
    assert torch.allclose(y[subbands(*shape, 2)[0].where], low, atol=1e-9) or min(low.shape) == 1


def _pywavelets(pywt, x, name, starts):
    """One level under its whole-sample symmetric extension, without the surplus at both ends; its high-pass filter has
    the other sign."""

    def along(x, axis):
        low, high = pywt.dwt(x, name, "reflect", axis=axis)
        size = x.shape[axis]
        low = low.take(range(starts[0], starts[0] + (size + 1) // 2), axis)
        return low, -high.take(range(starts[1], starts[1] + size // 2), axis)

    low, high = along(x, 1)
    return dict(zip(("LL", "LH", "HL", "HH"), (*along(low, 0), *along(high, 0)), strict=True))


@pytest.mark.parametrize("shape", [(1, 1), (5, 1), (7, 12), (64, 64)])
@pytest.mark.parametrize("levels", [0, 1, 5])
def test_subbands_cover_the_picture_once(shape, levels):
    covered = torch.zeros(shape, dtype=torch.int32)
    bands = subbands(*shape, levels)
    for band in bands:
        assert covered[band.where].shape == (band.height, band.width)
        covered[band.where] += 1
    assert (covered == 1).all()
    assert [band.level for band in bands] == sorted((band.level for band in bands), reverse=True)


def test_edges_show_in_the_subband_of_their_direction():
    x = torch.zeros(16, 16, dtype=torch.float64)
    x[:, 7:] = 1.0  # a vertical edge
    energy = {band.kind: float(LiftingAnalysis("9/7", 1)(x)[band.where].square().sum()) for band in subbands(16, 16, 1)}
    assert energy["HL"] > 0.1
    assert energy["LH"] < 1e-12 > energy["HH"]


def test_the_synthesis_of_the_9_7_is_nearly_orthonormal():
    found = subband_norms("9/7", 5)
    assert len(found) == 16
    assert all(0.95 < norm < 1.09 for norm in found.values())


def test_an_error_in_a_subband_counts_as_its_norm_says():
    y = torch.zeros(256, 256, dtype=torch.float64)
    band = subbands(256, 256, 2)[3]
    y[band.where] = noise(band.height, band.width)
    error = LiftingSynthesis("9/7", 2)(y).square().sum() / y.square().sum()
    assert abs(float(error) ** 0.5 / subband_norms("9/7", 2)[2, "HH"] - 1) < 0.02


@pytest.mark.parametrize("shape", [(96, 128), (33, 50), (1, 9), (2, 3)])
@pytest.mark.parametrize("wavelet", WAVELETS)
def test_a_prefix_of_the_subbands_is_a_small_picture(wavelet, shape):
    x = torch.full((1, 3, *shape), 0.7)
    y = LiftingAnalysis(wavelet, 3)(x)
    kept = torch.zeros_like(y)
    for band in subbands(*shape, 3):
        if band.level > 2:
            kept[band.where] = y[band.where]
    small = LiftingSynthesis(wavelet, 3)(kept, skip=2)
    assert small.shape == (1, 3, -(-shape[0] // 4), -(-shape[1] // 4))
    assert torch.allclose(small, torch.full_like(small, 0.7), atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("skip", [0, 1, 3])
def test_the_corner_of_the_subbands_is_enough_for_a_small_picture(dtype, skip):
    y = noise(2, 33, 50, dtype=dtype)
    height, width = -(-33 // 2**skip), -(-50 // 2**skip)
    corner = LiftingSynthesis("9/7", 3)(y[..., :height, :width], skip, (33, 50))
    assert torch.equal(corner, LiftingSynthesis("9/7", 3)(y, skip))
    with pytest.raises(InputError, match="do not hold"):
        LiftingSynthesis("9/7", 3)(y[..., : height - 1, :width], skip, (33, 50))


def test_a_small_picture_of_integers_keeps_their_range():
    x = torch.full((1, 16, 16), 200, dtype=torch.int32)
    assert (LiftingSynthesis("5/3", 2)(LiftingAnalysis("5/3", 2)(x), skip=2) == 200).all()


@pytest.mark.parametrize("wavelet", WAVELETS)
@pytest.mark.parametrize("shape", [(3, 4), (4, 1), (2, 3)])
def test_gradients_are_the_transposed_transform(wavelet, shape):
    x = noise(1, *shape).requires_grad_()
    for side in (LiftingAnalysis, LiftingSynthesis):
        assert torch.autograd.gradcheck(side(wavelet, 2), x)
        assert torch.autograd.gradgradcheck(side(wavelet, 2), x)
    assert torch.autograd.gradcheck(lambda y: LiftingSynthesis(wavelet, 2)(y, skip=1), x)


def test_what_is_given_is_left_alone():
    x = noise(1, 3, 9, 8, dtype=torch.float32)
    for side in (LiftingAnalysis(), LiftingSynthesis()):
        copy = x.clone()
        side(x)
        assert torch.equal(x, copy)


def test_layouts_of_memory_give_the_same_numbers():
    x = noise(2, 3, 20, 18, dtype=torch.float32)
    y = LiftingAnalysis()(x)
    assert torch.equal(LiftingAnalysis()(x.contiguous(memory_format=torch.channels_last)), y)
    assert torch.equal(LiftingAnalysis()(x.transpose(-1, -2).contiguous().transpose(-1, -2)), y)


@pytest.mark.parametrize("x", [
    torch.zeros(3, 8, 8, dtype=torch.uint8),
    torch.zeros(8),
    torch.zeros(1, 3, 0, 8),
])  # fmt: skip
def test_what_it_cannot_take_is_refused(x):
    with pytest.raises(InputError):
        LiftingAnalysis("5/3")(x)
    with pytest.raises(InputError):
        LiftingSynthesis("5/3")(x)


def test_integers_under_the_9_7_and_unknown_wavelets_are_refused():
    with pytest.raises(InputError, match="9/7"):
        LiftingAnalysis("9/7")(torch.zeros(8, 8, dtype=torch.int32))
    with pytest.raises(ConfigError, match="5/3"):
        LiftingAnalysis("haar")
    with pytest.raises(InputError, match="skip"):
        LiftingSynthesis("9/7", 2)(torch.zeros(8, 8), skip=3)
