# SPDX-License-Identifier: Apache-2.0
"""Timestamps come back to the letter, or are not taken for timestamps."""

import contextlib
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinify.errors import FormatError
from tinify.media.timestamps import format_timestamps, looks_like_time, parse_timestamps

FORMS = [
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%dT%H:%M:%S.%f+02:00",
    "%Y/%m/%d %H:%M",
    "%d.%m.%Y %H:%M:%S,%f",
    "%d/%m/%Y",
    "%m/%d/%Y %H:%M",
    "%H:%M:%S",
    "%H:%M",
    "%Y-%m-%d %H:%M:%S UTC",
]


@pytest.mark.parametrize("form", FORMS)
@given(st.lists(st.datetimes(datetime(1800, 1, 1), datetime(2200, 1, 1)), min_size=1, max_size=20))
def test_times_of_any_common_form_come_back(form, times):
    cells = [time.strftime(form) for time in times]
    template, values = parse_timestamps(cells)
    assert format_timestamps(template, values) == cells


def test_the_integers_count_the_smallest_unit():
    template, values = parse_timestamps(["1970-01-02T00:00:01.5", "1969-12-31T23:59:59.9"])
    assert template == "YYYY-mm-ddTHH:MM:SS.f"
    assert values.tolist() == [864_015, -1]


@pytest.mark.parametrize(
    "cells",
    [
        [],
        ["2020-01-01", "2020-1-02"],
        ["2020-01-01", ""],
        ["2020-02-30"],
        ["2020-01-01 24:00:00"],
        ["2020-01-01 10:00:60"],
        ["2020-01-01", "2020/01/02"],
        ["2020-13-01"],
        ["2020-01-01x"],
        ["２０２０-01-01"],
        ["12"],
        ["hello"],
    ],
)
def test_what_would_not_come_back_is_no_timestamp(cells):
    assert parse_timestamps(cells) is None


def test_day_first_and_month_first_are_told_apart_by_the_whole_column():
    assert parse_timestamps(["01/02/2020", "01/13/2020"])[0] == "mm/dd/YYYY"
    assert parse_timestamps(["01/02/2020", "13/01/2020"])[0] == "dd/mm/YYYY"


@pytest.mark.parametrize(("cell", "is_time"), [("2020-01-01", True), ("10:00", False), ("7", False), ("2020", False)])
def test_a_date_is_recognised_in_one_cell(cell, is_time):
    assert looks_like_time(cell) is is_time


@given(st.text(alphabet="YmdHMSf-:T. é\0", max_size=30), st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5))
def test_any_template_gives_text_or_a_format_error(template, values):
    with contextlib.suppress(FormatError):
        cells = format_timestamps(template, np.array(values, dtype=np.int64))
        assert all(len(cell) == len(template) for cell in cells)
