# SPDX-License-Identifier: Apache-2.0
"""Blocks of pictures under a DCT or a DST; series are in test_pairs.py."""

import math

import numpy as np
import pytest
import scipy.fft
import torch

from tinify.errors import ConfigError, InputError
from tinify.transforms import (
    BlockDctAnalysis,
    BlockDctSynthesis,
    Dst7Analysis,
    Dst7Synthesis,
    dst7_basis,
    zigzag,
)

PAIRS = [(BlockDctAnalysis, BlockDctSynthesis), (Dst7Analysis, Dst7Synthesis)]
HEVC_DST = [[29, 55, 74, 84], [74, 74, 0, -74], [84, -29, -74, 55], [55, -84, 74, -29]]


@pytest.mark.parametrize("size", [4, 5, 8, 16, 32])
def test_blocks_of_a_picture_are_scipys_dctn(size):
    x = torch.randn(2, 3, 2 * size, 3 * size)
    y = BlockDctAnalysis(size, dims=2)(x)
    assert y.shape == (2, 3 * size**2, 2, 3)
    for channel, row, column in [(0, 0, 0), (2, 1, 2)]:
        block = x[1, channel, row * size : (row + 1) * size, column * size : (column + 1) * size]
        ours = y[1, channel * size**2 : (channel + 1) * size**2, row, column].reshape(size, size)
        np.testing.assert_allclose(ours, scipy.fft.dctn(block.numpy(), norm="ortho"), atol=2e-5)


@pytest.mark.parametrize("size", [4, 8, 16])
def test_the_dst7_is_its_formula_and_orthonormal(size):
    basis = dst7_basis(size)
    for k, n in [(0, 0), (1, size - 1), (size - 1, 2)]:
        sine = math.sin(math.pi * (2 * k + 1) * (n + 1) / (2 * size + 1))
        assert abs(float(basis[k, n]) - 2 / math.sqrt(2 * size + 1) * sine) < 1e-6
    assert torch.allclose(basis @ basis.t(), torch.eye(size), atol=1e-6)
    x = torch.randn(1, 1, size, size)
    y = Dst7Analysis(size, dims=2)(x).reshape(size, size)
    assert torch.allclose(y, basis @ x[0, 0] @ basis.t(), atol=1e-5)


def test_the_dst7_of_four_is_that_of_h265():
    assert (128 * dst7_basis(4)).round().tolist() == HEVC_DST


@pytest.mark.parametrize("sides", PAIRS, ids=["dct", "dst7"])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 3, 17, 24), (1, 2, 8, 31)])
def test_pictures_of_any_size_come_back(sides, shape):
    analysis, synthesis = (side(8, dims=2) for side in sides)
    x = torch.randn(shape)
    y = analysis(x)
    assert y.shape == (shape[0], 64 * shape[1], -(-shape[2] // 8), -(-shape[3] // 8))
    assert torch.allclose(synthesis(y, shape[2:]), x, atol=1e-5)
    assert synthesis(y).shape[2:] == (8 * y.shape[2], 8 * y.shape[3])


def test_what_a_block_lacks_is_its_last_row_and_column():
    x = torch.rand(1, 1, 9, 8)
    padded = BlockDctSynthesis(8, dims=2)(BlockDctAnalysis(8, dims=2)(x))
    assert torch.allclose(padded[:, :, 9:], x[:, :, 8:].expand(1, 1, 7, 8), atol=1e-6)


def test_without_mixing_there_is_nothing_to_learn():
    assert not list(BlockDctAnalysis(32, dims=2).parameters())
    assert list(BlockDctAnalysis(8).parameters())


def test_mixing_the_blocks_of_a_picture_begins_as_nothing_and_reaches_the_neighbours():
    x = torch.randn(1, 2, 12, 20)
    plain, mixed = BlockDctAnalysis(4, dims=2), BlockDctAnalysis(4, taps=3, dims=2)
    assert torch.allclose(mixed(x), plain(x), atol=1e-5)
    torch.nn.init.normal_(mixed.mixing.weight)
    changed = x.clone()
    changed[0, 1, 0, 0] += 1.0
    differs = (mixed(changed) != mixed(x)).reshape(2, 16, 3, 5).any(1)
    assert not differs[0].any()
    assert differs[1].tolist() == [[True, True] + [False] * 3] * 2 + [[False] * 5]


@pytest.mark.parametrize("side", [BlockDctAnalysis, Dst7Synthesis])
def test_a_picture_needs_no_parameters_in_the_state_but_the_basis(side):
    assert list(side(8, dims=2).state_dict()) == ["basis"]


def test_zigzag_is_jpegs_order():
    assert zigzag(8)[:11].tolist() == [0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32]
    assert zigzag(8)[-3:].tolist() == [55, 62, 63]
    for size in (1, 4, 5, 16):
        assert sorted(zigzag(size).tolist()) == list(range(size**2))


def test_shapes_and_sizes_that_do_not_fit_are_refused():
    with pytest.raises(InputError):
        BlockDctAnalysis(8, dims=2)(torch.zeros(8, 8))
    with pytest.raises(InputError, match="64"):
        BlockDctSynthesis(8, dims=2)(torch.zeros(1, 63, 2, 2))
    for arguments in ({"dims": 3}, {"dims": 2, "taps": 2}):
        with pytest.raises(ConfigError):
            BlockDctAnalysis(8, **arguments)
    with pytest.raises(ConfigError, match="32"):
        BlockDctAnalysis(64, dims=2)
