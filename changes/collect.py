# SPDX-License-Identifier: Apache-2.0
"""Change fragments into CHANGELOG.md: `collect.py VERSION [--date 2026-01-31]`; only a check: `collect.py --check`."""

from __future__ import annotations

import argparse
import datetime
import re
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
CHANGELOG = FOLDER.parent / "CHANGELOG.md"
KINDS = {
    "format": "Files and streams",
    "added": "Added",
    "changed": "Changed",
    "fixed": "Fixed",
    "removed": "Removed",
}
MARK = "<!-- releases, the latest first -->\n"
_NAME = re.compile(rf"[a-z0-9-]+\.({'|'.join(KINDS)})\.md")


def fragments(folder: Path) -> list[Path]:
    """The fragments of a folder, by name."""
    return sorted(path for path in folder.iterdir() if path.suffix == ".md" and path.name != "README.md")


def faults(folder: Path) -> list[str]:
    """What is wrong with which fragment."""
    found = []
    for path in fragments(folder):
        text = path.read_text(encoding="utf-8").strip()
        if not _NAME.fullmatch(path.name):
            found.append(f"{path.name}: the name is not <a-few-words>.<kind>.md with a kind of {', '.join(KINDS)}")
        if not text or text.startswith(("#", "-", "*")):
            found.append(f"{path.name}: one to three sentences are expected, without a heading or a list")
    return found


def release(folder: Path, version: str, date: str) -> str:
    """The section of a release."""
    lines = [f"## {version} ({date})", ""]
    for kind, title in KINDS.items():
        texts = [path.read_text(encoding="utf-8") for path in fragments(folder) if path.name.endswith(f".{kind}.md")]
        if texts:
            lines += [f"### {title}", "", *(f"- {' '.join(text.split())}" for text in texts), ""]
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None, folder: Path = FOLDER, changelog: Path = CHANGELOG) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version", nargs="?")
    parser.add_argument("--date", default=datetime.date.today().isoformat())
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args(arguments)
    wrong = faults(folder)
    for fault in wrong:
        print(fault, file=sys.stderr)
    if wrong or asked.check:
        return 1 if wrong else 0
    if not asked.version:
        parser.error("a version is needed, or --check")
    text = changelog.read_text(encoding="utf-8")
    if MARK not in text or f"## {asked.version} " in text:
        print(f"{changelog.name}: no line {MARK.strip()!r}, or {asked.version} is there already", file=sys.stderr)
        return 1
    section = release(folder, asked.version, asked.date)
    changelog.write_text(text.replace(MARK, f"{MARK}\n{section}", 1).rstrip() + "\n", encoding="utf-8")
    for path in fragments(folder):
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
