# SPDX-License-Identifier: Apache-2.0
"""The local page in a real browser: a file is dropped, the slider moved, and the sizes change."""

import json
import threading

import pytest

from tinify.demo.serve import DemoServer, warm

from . import browser
from .test_serve import CSV, picture

BYTES = "document.getElementById('figures').dataset.bytes"
pytestmark = pytest.mark.skipif(browser.found() is None, reason="no Chromium here; CHROMIUM names one")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    warm()
    with DemoServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = browser.Browser(tmp_path_factory.mktemp("profile"))
        try:
            found.size(1280, 900)
            found.url = server.url
            yield found
        finally:
            found.close()
            server.shutdown()


def fresh(page):
    page.events.clear()
    page.call("Page.navigate", url=page.url)
    page.until("document.readyState == 'complete' && !!document.getElementById('drop')")


def bytes_at(page, quality):
    """Sets the slider as a hand does, and waits for the figures of that quality."""
    page.evaluate(f"quality.value = {quality}; quality.dispatchEvent(new Event('input', {{bubbles: true}}))")
    page.until(f"figures.dataset.quality == '{quality}'")
    return int(page.evaluate(BYTES))


def faults(page):
    return [event["params"] for event in page.events if event.get("method") == "Runtime.exceptionThrown"]


def test_a_picture_is_dropped_and_the_slider_changes_its_size_and_what_is_seen(page, tmp_path):
    (tmp_path / "cup.png").write_bytes(picture(96, 160))
    fresh(page)
    page.drop(tmp_path / "cup.png", 600, 250)
    page.until(BYTES)
    assert page.evaluate("title.textContent") == "cup.png" and page.evaluate("!picture.hidden && series.hidden")
    coarse = bytes_at(page, 10)
    seen = page.evaluate("restored.src")
    assert bytes_at(page, 90) > 2 * coarse
    assert page.evaluate("restored.src") != seen != page.evaluate("original.src")
    page.evaluate("quality.focus()")
    page.key("ArrowLeft", 37)
    page.until("figures.dataset.quality == '89'")
    page.evaluate("document.getElementById('show-heat').click()")
    canvas = "document.getElementById('heat')"
    assert page.evaluate(f"[{canvas}.hidden, {canvas}.width, {canvas}.height]") == [False, 10, 6]
    assert page.evaluate("document.getElementById('save').download") == "cup.tnf"
    assert not faults(page)


def test_a_csv_is_dropped_and_drawn_and_the_codec_can_be_changed(page, tmp_path):
    (tmp_path / "levels.csv").write_text(CSV)
    fresh(page)
    page.drop(tmp_path / "levels.csv", 600, 250)
    page.until(BYTES)
    assert page.evaluate("document.querySelectorAll('#series svg').length") >= 1
    assert page.evaluate("document.querySelector('#shares h3').textContent") == "Channels"
    page.evaluate("codec.value = 'tokenizer'; codec.dispatchEvent(new Event('change'))")
    page.until("figures.dataset.codec == 'tokenizer'")
    assert not faults(page)


def test_a_broken_picture_is_said_in_words_and_the_next_one_works(page, tmp_path):
    (tmp_path / "broken.png").write_bytes(picture()[:80])
    (tmp_path / "whole.png").write_bytes(picture())
    fresh(page)
    page.drop(tmp_path / "broken.png", 600, 250)
    assert "broken.png" in page.until("!message.hidden && !message.classList.contains('busy') && message.textContent")
    assert page.evaluate("result.hidden")
    page.drop(tmp_path / "whole.png", 600, 250)
    page.until(BYTES)
    assert page.evaluate("message.hidden")


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_is_wider_than_the_page_and_nothing_comes_from_elsewhere(page, tmp_path, width):
    (tmp_path / "levels.csv").write_text(CSV)
    page.size(width, 800, mobile=width < 500)
    fresh(page)
    page.drop(tmp_path / "levels.csv", width // 2, 250)
    page.until(BYTES)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    asked = [event["params"]["request"]["url"] for event in page.events
             if event.get("method") == "Network.requestWillBeSent"]  # fmt: skip
    assert asked and all(url.startswith((page.url, "data:")) for url in asked), json.dumps(asked)
    page.size(1280, 900)
