# SPDX-License-Identifier: Apache-2.0
import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from tinify.demo.page import render

VOID = {"meta", "link", "img", "input"}


class Reader(HTMLParser):
    """Collects tags with their attributes, and whether every tag was closed in order."""

    def __init__(self):
        super().__init__()
        self.tags, self.open, self.sound = [], [], True

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        self.sound &= bool(self.open) and self.open.pop() == tag


@pytest.fixture(scope="module")
def html(photo, series) -> str:
    return render(photo, series)


@pytest.fixture(scope="module")
def reader(html) -> Reader:
    reader = Reader()
    reader.feed(html)
    return reader


def test_page_is_well_formed_and_has_no_place_left_to_fill(html, reader):
    assert reader.sound and not reader.open
    assert not re.search(r"\$[a-z_]+", re.sub(r"data:[^\"]*", "", html))


def test_nothing_comes_from_outside_the_page(html, reader):
    addresses = [
        values[key] for _, values in reader.tags for key in ("src", "href", "srcset", "action") if key in values
    ]
    assert addresses and all(address.startswith("data:") for address in addresses)
    assert not re.search(r"https?://|@import|url\(", html)


def test_restored_picture_is_shown_without_further_loss(photo, reader):
    source = next(values["src"] for tag, values in reader.tags if values.get("alt") == "The photo restored by tinify")
    shown = Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))
    assert np.array_equal(np.asarray(shown), photo.trials[0].restored)


def test_peers_are_shown_from_their_own_files(photo, reader):
    sources = {
        values["data-name"]: values["src"] for tag, values in reader.tags if tag == "img" and "data-name" in values
    }
    assert list(sources) == ["original", "AVIF", "WebP", "JPEG"]
    assert base64.b64decode(sources["JPEG"].partition(",")[2]) == photo.trials[-1].data


def test_every_picture_says_what_it_is(reader):
    images = [values for tag, values in reader.tags if tag == "img"]
    assert len(images) == 1 + 4 + 2 * 5
    assert all(image["alt"] for image in images)


def test_figures_of_both_tables_are_on_the_page(photo, series, html):
    for trial in (*photo.trials, *series.trials):
        assert f"<td>{len(trial.data):,}</td>" in html


def test_credits_are_given_and_escaped(html):
    assert "nobody &amp; co" in html


def test_page_follows_dark_mode_and_phone_width(html):
    assert "prefers-color-scheme: dark" in html
    assert 'name="viewport" content="width=device-width' in html
