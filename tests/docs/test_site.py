# SPDX-License-Identifier: Apache-2.0
"""What fills the pages: cards of the zoo, curves, help texts, lists of arguments."""

import xml.etree.ElementTree as ElementTree

import command_pages
import curve_svg
import pytest
import zoo_pages


@pytest.mark.parametrize("name", zoo_pages.names())
def test_a_page_of_the_zoo_has_card_measurements_and_configuration(name):
    page = zoo_pages.card(name)
    for part in (f"# {name}\n", "## Measured\n", "## Use it\n", f'title="zoo/{name}/codec.toml"'):
        assert part in page
    assert "Nothing is stored yet" not in page and "README.md" not in page


def test_curves_are_drawings_that_say_what_they_show():
    root = ElementTree.fromstring(zoo_pages.picture_chart("photo-fast"))
    assert "photo-fast" in root.attrib["aria-label"] and "jpeg" in root.attrib["aria-label"]
    assert len(root.findall("{http://www.w3.org/2000/svg}circle")) > 20


def test_ticks_lie_within_the_axis():
    for scale in (curve_svg.Scale("", 0, 2.2), curve_svg.Scale("", 0.02, 10, log=True)):
        assert len(scale.ticks()) >= 4
        assert all(0 <= scale.place(tick) <= 1 for tick in scale.ticks())


def test_help_texts_keep_their_blocks_and_their_names():
    prose = command_pages._prose(
        "First OUT_FILE\n    line.\n\n    \b\n      tinify a *.csv\n      tinify b\n\n    Last <x>."
    )
    assert prose == "First OUT\\_FILE line.\n\n```text\ntinify a *.csv\ntinify b\n```\n\nLast &lt;x>."


def test_arguments_at_the_beginning_of_a_line_become_a_list():
    pytest.importorskip("griffe", reason="it comes with `make docs`")
    from arguments import as_list

    text = "What it is.\n\na: one,\n    two.\nb, c: three. d: four\nError: no argument."
    assert as_list(text, {"a", "b", "c", "d"}) == (
        "What it is.\n\n\n- `a`: one,\n  two.\n\n- `b, c`: three. d: four\nError: no argument."
    )
