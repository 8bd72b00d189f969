# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinify import _core

from . import reference_rans32
from .coder_cases import CODERS, SCALES, gaussian_case, gaussians, tables_of, uneven_case

RANS32 = CODERS["rans32"]
MISSING = {name: f"this CPU has no {name}" for name in ("avx2", "avx512")}


@pytest.fixture
def simd():
    before = _core.simd()

    def use(name):
        if not _core.use_simd(name):
            pytest.skip(MISSING[name])

    yield use
    _core.use_simd(before)


@pytest.mark.parametrize(
    "case",
    [gaussian_case(300, escapes=0.05), gaussian_case(5000), gaussian_case(17_000), uneven_case(300), gaussian_case(0)],
    ids=["escapes", "two lanes", "four lanes", "wide", "empty"],
)
def test_bytes_are_those_of_the_format(case):
    tables, symbols, indexes = case
    data = RANS32.encode(symbols, indexes, RANS32.tables(*tables))
    assert data == reference_rans32.stream(symbols, indexes, *tables)


@settings(max_examples=25, deadline=None)
@given(weights=st.lists(st.integers(1, 500), min_size=1, max_size=30), offset=st.integers(-40, 200))
def test_tables_are_those_of_the_format(weights, offset):
    total = sum(weights)
    tables = tables_of([[w / total for w in weights] + [1e-4]], [offset])
    symbols = np.arange(offset - 2, offset + len(weights) + 2, dtype=np.int32)
    indexes = np.zeros(len(symbols), np.uint8)
    data = RANS32.encode(symbols, indexes, RANS32.tables(*tables))
    assert data == reference_rans32.stream(symbols, indexes, *tables)


@pytest.mark.parametrize("name", ["scalar", "avx2", "avx512"])
@pytest.mark.parametrize("count", [100, 3001, 150_001, 540_013], ids=["1 lane", "2 lanes", "8 lanes", "32 lanes"])
@pytest.mark.parametrize("escapes", [0.0, 0.01])
def test_every_instruction_set_makes_and_reads_the_same_bytes(simd, name, count, escapes):
    tables, symbols, indexes = gaussian_case(count, escapes=escapes)
    handle = RANS32.tables(*tables)
    simd("scalar")
    expected = RANS32.encode(symbols, indexes, handle)
    simd(name)
    assert RANS32.encode(symbols, indexes, handle) == expected
    assert np.array_equal(RANS32.decode(expected, indexes, handle), symbols)


@pytest.mark.parametrize("name", ["scalar", "avx2", "avx512"])
def test_every_instruction_set_reads_anchored_and_deeply_split_rows(simd, name):
    rng = np.random.default_rng(5)
    scales = [2.0, 40.0, 300.0, 1500.0]
    cdfs, lengths, offsets = gaussians(scales)
    centers = np.array([1000, -70_000, 5, 1 << 30])
    indexes = rng.integers(0, 4, 4001).astype(np.int16)
    symbols = (np.rint(rng.normal(size=4001) * np.array(scales)[indexes]) + centers[indexes]).astype(np.int32)
    handle = RANS32.tables(cdfs, lengths, offsets + centers)
    assert handle.fast
    simd("scalar")
    expected = RANS32.encode(symbols, indexes, handle)
    simd(name)
    assert RANS32.encode(symbols, indexes, handle) == expected
    assert np.array_equal(RANS32.decode(expected, indexes, handle), symbols)


def test_gaussian_tables_fit_in_12_bits_and_uneven_ones_do_not():
    assert RANS32.tables(*gaussians(SCALES)).fast
    assert not RANS32.tables(*uneven_case(0)[0]).fast


def test_the_environment_chooses_the_instruction_set():
    command = [sys.executable, "-c", "from tinify import _core; print(_core.simd())"]
    for asked in ("scalar", "avx2"):
        done = subprocess.run(command, env={**os.environ, "TINIFY_SIMD": asked}, capture_output=True, text=True)
        assert done.stdout.strip() == (asked if asked == "scalar" or _core.simd() != "scalar" else "scalar")


def test_unknown_instruction_sets_change_nothing():
    before = _core.simd()
    assert not _core.use_simd("abacus")
    assert _core.simd() == before


def test_small_streams_have_few_lanes():
    tables, symbols, indexes = gaussian_case(400)
    handle = RANS32.tables(*tables)
    assert len(RANS32.encode(symbols, indexes, handle)) < len(CODERS["rans64"].encode(symbols, indexes, handle)) + 4
