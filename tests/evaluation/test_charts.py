# SPDX-License-Identifier: Apache-2.0
import re
from xml.etree import ElementTree

import pytest

from tinify.evaluation.charts import Axis, Line, axis_around, chart


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 1024, [0, 200, 400, 600, 800, 1000]),
        (-112, 250, [-100, 0, 100, 200]),
        (0.0, 0.35, [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35]),
    ],
)
def test_ticks_are_round_and_inside_the_axis(low, high, ticks):
    assert Axis("", low, high).ticks() == pytest.approx(ticks)


def test_axis_around_constant_values_is_not_empty():
    axis = axis_around("value", [3.0, 3.0])
    assert axis.low < 3 < axis.high


def test_points_lie_where_their_values_say():
    page = chart([Line("a", [0, 10], [5, 15], "tinify")], Axis("x", 0, 10), Axis("y", 5, 15), "t")
    assert 'class="line tinify" d="M0.0 1000.0L1000.0 0.0"' in page


def test_names_are_escaped_and_the_figure_is_well_formed():
    page = chart([Line("<a> & b", [0, 1], [0, 1], "peer", dots=True)], Axis("x", 0, 1), Axis("<y>", 0, 1), '"t"')
    assert ElementTree.fromstring(page).tag == "figure"
    assert "&lt;a&gt; &amp; b" in page


def test_negative_ticks_carry_a_real_minus():
    page = chart([Line("a", [0, 1], [-2, 2], "peer")], Axis("x", 0, 1), Axis("y", -2, 2), "t")
    assert re.search(r">−2<", page)
