# SPDX-License-Identifier: Apache-2.0
"""What mkdocs calls while it builds: pages, or parts of pages, that are made from the code and from `zoo/`.

A page says where such a part goes with a line of its own: `<!-- generated: commands -->`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER))

import command_pages  # noqa: E402
import module_pages  # noqa: E402
import part_pages  # noqa: E402
import recipe_pages  # noqa: E402
import zoo_pages  # noqa: E402

MARKER = re.compile(r"^<!-- generated: ([a-z]+)(?: ([\w.-]+))? -->$", re.MULTILINE)
# A card in the repository, which is a page here.
CARD = re.compile(r"\]\((?:\.\./)+zoo/([\w-]+)/README\.md\)")
MAKERS = {
    "commands": command_pages.commands,
    "exitcodes": command_pages.exit_codes,
    "components": part_pages.components,
    "hooks": part_pages.hooks,
    "module": module_pages.module,
    "names": module_pages.top_level_names,
    "recipes": recipe_pages.recipes,
    "zoo": zoo_pages.overview,
    "curve": zoo_pages.curve,
}


def filled(markdown: str) -> str:
    """The page with what its markers ask for."""
    return MARKER.sub(lambda match: MAKERS[match[1]](*[match[2]] if match[2] else []), markdown)


def on_config(config):
    """The pages of the zoo follow its overview."""
    for entry in config.nav:
        if entry.get("Model zoo"):
            entry["Model zoo"] = [*entry["Model zoo"], *(f"zoo/{name}.md" for name in zoo_pages.names())]
    return config


def on_page_markdown(markdown: str, page, **_: object) -> str:
    above = "../" * page.file.src_uri.count("/")
    return CARD.sub(rf"]({above}zoo/\1.md)", filled(markdown))


def on_files(files, config):
    """A page for each folder of the zoo: its card, its curves, its configuration."""
    from mkdocs.structure.files import File

    for name in zoo_pages.names():
        files.append(File.generated(config, f"zoo/{name}.md", content=zoo_pages.card(name)))
    return files
