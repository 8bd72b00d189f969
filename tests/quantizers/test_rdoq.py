# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from tinify import registry
from tinify.errors import ConfigError
from tinify.quantizers import DeadZone, Matrix, Rdoq, TableBits, Uniform

TOTAL = 1 << 16


def tables(*shares, first=0):
    """One row of the coder's tables for each list of shares of 65536, whose last is the escape."""
    width = max(map(len, shares)) + 1
    cdfs = np.full((len(shares), width), TOTAL, np.int32)
    for row, counts in enumerate(shares):
        assert sum(counts) == TOTAL
        cdfs[row, : len(counts) + 1] = np.cumsum([0, *counts])
    lengths = np.array([len(counts) + 1 for counts in shares], np.int32)
    return cdfs, lengths, np.full(len(shares), first, np.int32)


# Row 0: zero nearly certain; row 1: even up to 3. Then the escape.
MAGNITUDES = tables([TOTAL - 96, 48, 32, 8, 8], [1 << 14, 1 << 14, 1 << 14, 1 << 13, 1 << 13])


def test_bits_of_magnitudes_are_those_of_the_table_and_a_sign():
    bits = TableBits(*MAGNITUDES, magnitudes=True)
    symbols, rows = torch.tensor([0, 1, -1, 3, -3]), torch.tensor([1, 1, 1, 1, 0])
    expected = [2, 2 + 1, 2 + 1, 3 + 1, 13 + 1]
    np.testing.assert_allclose(bits.of(symbols.int(), rows.int()), expected, atol=1e-5)


def test_bits_of_signed_symbols_count_from_the_offset():
    bits = TableBits(*tables([1 << 14, 1 << 15, 1 << 13, 1 << 13], first=-1))
    np.testing.assert_allclose(bits.of(torch.tensor([-1, 0, 1]), torch.zeros(3).int()), [2, 1, 3], atol=1e-5)


def test_bits_are_about_what_a_coder_writes_escapes_included():
    rng, coder = np.random.default_rng(0), registry.build("coder", "rans32")
    rows = rng.integers(0, 2, 20_000).astype(np.int32)
    symbols = np.where(rows == 1, rng.integers(0, 6, 20_000), rng.random(20_000) < 0.01).astype(np.int32)
    estimated = float(TableBits(*MAGNITUDES).of(torch.from_numpy(symbols), torch.from_numpy(rows)).sum())
    written = 8 * len(coder.encode(symbols, rows, coder.tables(*MAGNITUDES)))
    assert abs(estimated / written - 1) < 0.02


def test_each_symbol_is_the_best_of_three_by_error_and_bits():
    quantizer, bits = DeadZone(0.5, 0.5), TableBits(*MAGNITUDES, magnitudes=True)
    quantizer.points.copy_(torch.tensor([[-0.1, -0.05, 0.0]]))
    y = torch.randn(200, generator=torch.Generator().manual_seed(0)) * 1.5
    rows = torch.arange(200) % 2
    chosen = Rdoq(quantizer).quantize(y, bits=bits, rows=rows, lmbda=0.12)
    nearest = quantizer.quantize(y)
    for number in range(200):
        q = int(nearest[number])
        candidates = torch.tensor([int(np.sign(q)) * max(abs(q) - less, 0) for less in range(3)]).int()
        error = (y[number] - quantizer.dequantize(candidates)) / 0.5
        cost = error.square() + 0.12 * bits.of(candidates, rows[number].expand(3))
        there = float(error[0]) * np.sign(q) >= -0.12  # at its reconstruction point or beyond
        assert int(chosen[number]) == int(candidates[0 if there else cost.argmin()])


def test_what_was_decoded_keeps_its_symbols():
    quantizer, bits = DeadZone(0.5, 0.5), TableBits(*MAGNITUDES, magnitudes=True)
    quantizer.points.copy_(torch.tensor([[-0.1, 0.05, 0.0]]))
    rdoq, rows = Rdoq(quantizer), torch.zeros(200, dtype=torch.long)
    y = torch.randn(200, generator=torch.Generator().manual_seed(0)) * 1.5
    chosen = rdoq.quantize(y, bits=bits, rows=rows, lmbda=1.0)
    noisy = quantizer.dequantize(chosen) + 0.05 * (torch.rand(200) - 0.5)
    assert torch.equal(rdoq.quantize(noisy, bits=bits, rows=rows, lmbda=1.0), chosen)


def test_where_zero_is_likely_more_becomes_zero():
    y, rdoq = torch.full((2,), 0.8), Rdoq(DeadZone(1.0, 0.5))
    bits = TableBits(*MAGNITUDES, magnitudes=True)
    assert rdoq.quantize(y, bits=bits, rows=torch.tensor([0, 1]), lmbda=0.1).tolist() == [0, 1]


def test_without_bits_it_is_the_quantizer_inside():
    y, inside = torch.randn(3, 192, 4, 4) * 50, Matrix(quality=30)
    rdoq = Rdoq(inside)
    bits, rows = TableBits(*MAGNITUDES, magnitudes=True), torch.zeros(y.shape, dtype=torch.int32)
    symbols = inside.quantize(y)
    for arguments in ({}, {"lmbda": 1.0}, {"bits": bits, "rows": rows, "lmbda": 0.0}):
        assert torch.equal(rdoq.quantize(y, **arguments), symbols)
    assert torch.equal(rdoq.dequantize(symbols), inside.dequantize(symbols))


def test_steps_and_groups_are_those_of_the_call():
    y = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 3
    inside, bits = DeadZone(1.0, 0.5, groups=2), TableBits(*MAGNITUDES, magnitudes=True)
    inside.points.copy_(torch.tensor([[-0.3, -0.2, -0.1], [0.0, 0.0, 0.0]]))
    step, group = torch.tensor([1.0, 2.0, 0.5])[:, None, None], torch.tensor([0, 1, 0])[:, None, None]
    rows = torch.ones(y.shape, dtype=torch.int32)
    together = Rdoq(inside).quantize(y, step, group, bits, rows, 0.1)
    for channel in range(3):
        alone = Rdoq(inside).quantize(
            y[:, channel], float(step[channel]), int(group[channel]), bits, rows[:, channel], 0.1
        )
        assert torch.equal(together[:, channel], alone)


def test_at_the_same_points_it_saves_bits_for_little_error():
    y = torch.from_numpy(np.random.default_rng(0).laplace(scale=0.8, size=20_000).astype(np.float32))
    quantizer, bits = DeadZone(1.0, 0.5), TableBits(*MAGNITUDES, magnitudes=True)
    rows, lmbda = torch.ones(20_000, dtype=torch.int32), 0.1

    def cost(symbols):
        error = (y - quantizer.dequantize(symbols)).square().sum()
        return float(error + lmbda * bits.of(symbols, rows).sum())

    chosen = Rdoq(quantizer).quantize(y, bits=bits, rows=rows, lmbda=lmbda)
    assert cost(chosen) < min(cost(DeadZone(1.0, t).quantize(y)) for t in (0.5, 0.55, 0.6, 0.66, 0.7))


def test_the_layout_of_memory_changes_nothing():
    y = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0)) * 2
    bits, rows = TableBits(*MAGNITUDES, magnitudes=True), torch.ones(y.shape, dtype=torch.int32)
    rdoq = Rdoq(DeadZone(1.0, 0.5))
    last = {"memory_format": torch.channels_last}
    expected = rdoq.quantize(y, bits=bits, rows=rows, lmbda=0.2)
    assert torch.equal(rdoq.quantize(y.contiguous(**last), bits=bits, rows=rows, lmbda=0.2), expected)
    assert torch.equal(rdoq.quantize(y, bits=bits, rows=rows.contiguous(**last), lmbda=0.2), expected)


def test_only_a_dead_zone_goes_inside():
    with pytest.raises(ConfigError, match="Uniform"):
        Rdoq(Uniform())
    with pytest.raises(ConfigError, match="reach"):
        Rdoq(DeadZone(), reach=0)
