# SPDX-License-Identifier: Apache-2.0
"""Number columns keep their look, also when a codec has changed the values a little."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinify.errors import FormatError
from tinify.media.numbers import NumberStyle, format_numbers, is_number, parse_numbers


def round_trip(cells, comma=False):
    values, style = parse_numbers(cells, comma)
    assert NumberStyle.from_list(style.to_list()) == style
    return format_numbers(values, style)


@pytest.mark.parametrize(
    "cells",
    [
        ["1", "-20", "300"],
        ["1.50", "2.25", "-0.75"],
        ["1.5", "2.25", "3"],
        ["1.0", "2.25", "10.5"],
        ["100", "20", "0"],
        ["0.1234567890123", "1.5"],
        ["1e-07", "2.5e+20"],
        ["0.000000000012", "5"],
        ["1", "", "3"],
        ["NaN", "2.5", "NaN"],
        ["", "1", "NA", "null"],
        ["9007199254740992", "1"],
    ],
)
def test_unchanged_values_give_the_same_text(cells):
    assert round_trip(cells) == cells


def test_a_decimal_comma_comes_back():
    assert round_trip(["1,5", "2,25", ""], comma=True) == ["1,5", "2,25", ""]
    assert parse_numbers(["1,5"], comma=False) is None
    assert round_trip(["1.5", "2"], comma=True) == ["1.5", "2"]
    assert parse_numbers(["1.234,5"], comma=True) is None


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_any_floats_come_back_as_the_same_values(values):
    cells = round_trip([repr(value) for value in values])
    assert [float(cell) for cell in cells] == values


def test_changed_values_are_written_with_the_decimals_of_the_column():
    _, style = parse_numbers(["1.50", "2.25"])
    assert format_numbers(np.array([1.2345, -0.001, np.nan]), style) == ["1.23", "0.00", ""]
    _, style = parse_numbers(["7", "8"])
    assert format_numbers(np.array([6.9, -0.2, 8.4]), style) == ["7", "0", "8"]
    _, style = parse_numbers(["1.5", "2.25"])
    assert format_numbers(np.array([1.999, 3.104]), style) == ["2.0", "3.1"]


def test_changed_values_without_a_limit_of_decimals_are_written_as_float32():
    _, style = parse_numbers(["0.1234567890123", "1.5"])
    assert format_numbers(np.array([0.12345678, 1.5]), style) == ["0.12345678", "1.5"]
    assert format_numbers(np.array([1 / 3, 2.0]), style) == ["0.33333334", "2.0"]


@pytest.mark.parametrize(
    "cells",
    [
        ["a"],
        [""],
        ["nan", ""],
        ["1", "x"],
        ["007"],
        ["inf", "1"],
        ["1e999"],
        ["9007199254740994"],
        ["1 000"],
        ["True"],
        ["0x1"],
    ],
)
def test_what_is_no_number_column_is_left_to_others(cells):
    assert parse_numbers(cells) is None


@pytest.mark.parametrize(
    ("cell", "fits"), [("1.5", True), (" 2 ", True), ("-3e5", True), ("0", True), ("01", False), ("", False)]
)
def test_a_number_is_recognised_in_one_cell(cell, fits):
    assert is_number(cell) is fits


@pytest.mark.parametrize("row", [None, [1, 2, 3, 4, 5, 6, 7], ["a"], [0, 99], [-1, 2], [0, 0, 0, 0, [1]], [1.5, 2]])
def test_a_damaged_style_is_a_format_error(row):
    with pytest.raises(FormatError):
        NumberStyle.from_list(row)


@given(st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=20), st.integers(0, 4))
def test_fixed_decimals_come_back(numbers, decimals):
    cells = [f"{number / 10**decimals:.{decimals}f}" for number in numbers]
    assert round_trip(cells) == [cell.replace("-0." + "0" * decimals, "0." + "0" * decimals) for cell in cells]
