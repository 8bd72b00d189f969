# SPDX-License-Identifier: Apache-2.0
import io

import numpy as np
import pytest
import torch
from PIL import Image

from tinify.errors import ConfigError
from tinify.quantizers import ANNEX_K, Matrix
from tinify.transforms import (
    BlockDctAnalysis,
    BlockDctSynthesis,
    SubsampleAnalysis,
    SubsampleSynthesis,
    YcbcrAnalysis,
    YcbcrSynthesis,
)


def tables_of_pillow(quality):
    stream = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(stream, "JPEG", quality=quality)
    return Image.open(stream).quantization


def test_tables_are_those_that_pillow_saves_at_every_quality():
    quantizer = Matrix()
    for quality in range(1, 101):
        luma, blue, red = quantizer.table(quality).flatten(1).tolist()
        theirs = tables_of_pillow(quality)
        assert (luma, blue, red) == (list(theirs[0]), list(theirs[1]), list(theirs[1])), f"quality {quality}"


def test_each_plane_is_rounded_in_steps_of_its_entry():
    quantizer = Matrix(quality=50)
    y = 40 * torch.randn(2, 192, 3, 4)
    symbols = quantizer.quantize(y)
    for channel, v, u in [(0, 0, 0), (0, 7, 2), (1, 0, 3), (2, 5, 5)]:
        plane = 64 * channel + 8 * v + u
        expected = torch.round(y[:, plane] / quantizer.table()[channel, v, u])
        assert torch.equal(symbols[:, plane], expected.int())
        assert torch.equal(
            quantizer.dequantize(symbols)[:, plane], symbols[:, plane] * quantizer.table()[channel, v, u]
        )


def test_another_quality_is_a_step_of_a_call():
    y = 40 * torch.randn(1, 192, 2, 2)
    coarse, fine = Matrix(quality=20), Matrix(quality=95)
    assert torch.equal(fine.quantize(y, fine.step_of(20)), coarse.quantize(y))


def test_a_unit_scales_the_steps():
    y = 40 * torch.randn(1, 192, 2, 2)
    quantizer = Matrix(unit=1 / 255)
    y_hat = quantizer.dequantize(quantizer.quantize(y / 255))
    assert torch.allclose(255 * y_hat, Matrix().dequantize(Matrix().quantize(y)), atol=1e-3)


def test_tables_of_ones_own():
    rows = [[10, 20], [30, 40]]
    quantizer = Matrix([rows, [7, 7, 7, 7]], quality=50, size=2)
    assert quantizer.table().tolist() == [rows, [[7, 7], [7, 7]]]
    assert quantizer.table(100).tolist() == [[[1, 1], [1, 1]]] * 2
    assert quantizer.step_of(50).shape == (8, 1, 1)


@pytest.mark.parametrize("size", [4, 16, 32])
def test_named_tables_of_other_sizes_have_the_same_steps_at_the_same_frequencies(size):
    table, own = Matrix(["annex-k-luma"], 50, size).table()[0], Matrix(["annex-k-luma"], 50).table()[0]
    for v, u in [(0, 0), (2, 4), (6, 6)]:
        assert table[v * size // 8, u * size // 8] == own[v, u]
    assert table.min() == own[:: max(8 // size, 1), :: max(8 // size, 1)].min()
    if size == 16:
        assert table[0, 1] == 14  # between 16 and 11, rounded up


def test_a_flat_table_is_one_step():
    assert Matrix(["flat"], 50, 16).table().unique().tolist() == [16]


def test_the_state_holds_what_is_learned_and_nothing_else():
    assert list(Matrix().state_dict()) == ["points"]


@pytest.mark.parametrize("quality", [15, 50, 90])
@pytest.mark.parametrize("factors, subsampling", [((1, 1), 0), ((2, 2), 2)])
def test_with_the_other_parts_of_jpeg_it_errs_as_pillows_jpeg(quality, factors, subsampling):
    rgb = picture(75, 90)
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "JPEG", quality=quality, subsampling=subsampling)
    theirs = np.asarray(Image.open(stream))
    analysis, synthesis = BlockDctAnalysis(8, dims=2), BlockDctSynthesis(8, dims=2)
    y = YcbcrAnalysis()(torch.from_numpy(rgb).permute(2, 0, 1)[None].float() - 128)
    matrices = Matrix(ANNEX_K[:1], quality), Matrix(ANNEX_K[1:], quality)
    planes = [synthesis(matrix.dequantize(matrix.quantize(analysis(plane))), plane.shape[2:])
              for matrix, plane in zip(matrices, SubsampleAnalysis(factors)(y), strict=True)]  # fmt: skip
    x_hat = YcbcrSynthesis()(SubsampleSynthesis(factors)(planes)) + 128
    ours = x_hat.clamp(0, 255).round()[0].permute(1, 2, 0).numpy()
    errors = [10 * np.log10(np.square(x - rgb.astype(float)).mean()) for x in (ours, theirs)]
    assert abs(errors[0] - errors[1]) < 0.25
    assert np.abs(ours - theirs).mean() < 1.5


def picture(height, width):
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (height // 8, width // 8, 3)).astype(np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).astype(float)
    return (smooth + rng.normal(scale=4, size=(height, width, 1))).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("arguments", [
    {"quality": 0},
    {"quality": 101},
    {"quality": 50.5},
    {"tables": ["annex-q"]},
    {"tables": "flat"},
    {"tables": []},
    {"tables": [[1, 2, 3]]},
    {"tables": [[[0, 1], [1, 1]]], "size": 2},
    {"tables": [[1.5, 1, 1, 1]], "size": 2},
    {"tables": [[[1, 2], [3]]], "size": 2},
    {"tables": [["a"]], "size": 1},
    {"size": 0},
    {"unit": 0.0},
])  # fmt: skip
def test_arguments_that_make_no_sense_are_refused(arguments):
    with pytest.raises(ConfigError):
        Matrix(**arguments)
