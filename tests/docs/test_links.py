# SPDX-License-Identifier: Apache-2.0
"""Links lead to pages and headings that are there, and names of files to files."""

import posixpath
import re

import pytest
from hooks import CARD, filled
from zoo_pages import card, names

from .pages import DOCS, REPOSITORY, sources

LINK = re.compile(r"(?<!\\)\]\(([^)\s]+)\)")
FILE = re.compile(
    r"`((?:tinify|docs|tests|benchmarks|zoo|src|plugins|studies)/[\w./*-]+\.(?:py|md|toml|hpp|cpp|json))`"
)


def anchors(text):
    """Names that mkdocs gives to the headings of a page."""
    outside = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    found = set()
    for heading in re.findall(r"^#+ (.*)$", outside, re.MULTILINE):
        plain = re.sub(r"[^\w\s-]", "", re.sub(r"[`*]", "", heading)).strip().lower()
        found.add(re.sub(r"[-\s]+", "-", plain))
    return found


@pytest.fixture(scope="module")
def pages():
    """Every page of the site, by path below docs/, with what is made from the code."""
    found = {str(path.relative_to(DOCS)): path.read_text("utf-8") for path in sources()}
    found = {name: filled(text) if "<!-- generated" in text else text for name, text in found.items()}
    return found | {f"zoo/{name}.md": card(name) for name in names()}


def test_links_lead_to_pages_and_headings(pages):
    for name, text in pages.items():
        text = CARD.sub(rf"]({'../' * name.count('/')}zoo/\1.md)", re.sub(r"`[^`\n]*`", "", text))
        for target in LINK.findall(text):
            if "://" in target:
                continue
            path, _, anchor = target.partition("#")
            path = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name
            assert path in pages or (DOCS / path).is_file(), f"{name} links to {target}"
            assert not anchor or anchor in anchors(pages[path]), f"{name} links to {target}: no such heading"


def test_files_named_exist(pages):
    for name, text in pages.items():
        for path in FILE.findall(text):
            assert list(REPOSITORY.glob(path)) or re.search("NAME|mine", path), f"{name} names {path}"


def test_every_page_is_in_the_navigation():
    navigation = (REPOSITORY / "mkdocs.yml").read_text("utf-8")
    for page in sources():
        assert re.search(rf"[ :]{re.escape(str(page.relative_to(DOCS)))}$", navigation, re.MULTILINE), page


def test_figures_are_small_and_used(pages):
    text = "".join(pages.values())
    for path in (DOCS / "figures").glob("*.svg"):
        assert path.stat().st_size < 100_000 and f"figures/{path.name}" in text, path


def test_figures_are_what_their_script_draws(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS / "figures"))
    import draw

    monkeypatch.setattr(draw, "HERE", tmp_path)
    draw.main()
    for path in tmp_path.iterdir():
        assert path.read_text("utf-8") == (DOCS / "figures" / path.name).read_text("utf-8"), (
            f"{path.name} is old: python docs/figures/draw.py"
        )
