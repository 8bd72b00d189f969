# SPDX-License-Identifier: Apache-2.0
"""`tinify new-plugin`"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path

import click

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 40  # the name begins those of components, which files record
_OWN = re.compile(r"tinify_template|tinify-template|\btemplate\b")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.egg-info", "dist", "build", ".*")


@click.command("new-plugin")
@click.argument("name")
@click.option(
    "--into",
    default=".",
    show_default=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder in which the folder NAME is made.",
)
def new_plugin(name: str, into: Path) -> None:
    """Write a plugin to begin from: a distribution that brings a quantizer and a codec of your own.

    NAME is that of the distribution, as pip will know it: small letters, digits, and single hyphens between them. By
    custom it begins with "tinify-"; what comes after is the plugin's name, with which its components' names begin.

    \b
      tinify new-plugin tinify-mine
      pip install --editable "./tinify-mine[test]"
      tinify plugins --check
      pytest tinify-mine
      tinify train tinify-mine/recipe.toml --data DIR --run runs/mine --export mine
      tinify compress photo.png photo.tnf --codec ./mine

    \b
    tinify-mine/
      pyproject.toml        the entry point, which makes it a plugin
      tinify_mine/hooks.py  a row for each component: kind, name, where it is
      tinify_mine/...       a quantizer (mine-step), a codec (mine-picture)
      recipe.toml           the codec's configuration, and how it is trained
      tests/                whether each part does what its kind promises
      README.md             how to go on: other kinds of parts, models, publishing

    DIR in the example holds a folder "pictures". Files of the codec say which distribution they need.
    """
    _check_name(name)
    _check_free(name, into)
    package, short = _names(name)
    target = _write(into, name, {"tinify_template": package, "tinify-template": name, "template": short})
    click.echo(f"{target}: a plugin with quantizer {short}-step and codec {short}-picture. Next:")
    click.echo(f'  pip install --editable "{os.path.join(".", target)}[test]" && tinify plugins --check')


def template_folder() -> Path:
    """The plugin that is copied: inside the package once installed, beside it in a source tree."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "_template"
    return installed if installed.is_dir() else package.parent / "plugins" / "tinify-template"


def _check_name(name: str) -> None:
    from tinify.errors import ConfigError

    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-0123456789")[:_LONGEST].strip("-")
    package = name.replace("-", "_")
    if _NAME.fullmatch(name) and not iskeyword(package) and len(name) <= _LONGEST:
        return
    close = plain if _NAME.fullmatch(plain) and not iskeyword(plain) else "mine"
    close = close if close.startswith("tinify-") else f"tinify-{close}"[:_LONGEST].rstrip("-")
    raise ConfigError(
        f"{name!r} is no name for a distribution and its Python package; allowed: small letters, digits and single "
        f"hyphens between them, a letter first, at most {_LONGEST}. Next: `tinify new-plugin {close}`"
    )


def _check_free(name: str, into: Path) -> None:
    from tinify.errors import ConfigError, OutputExistsError

    if os.path.lexists(into / name):
        raise OutputExistsError(f"{into / name} exists. Next: choose another name, or another folder with --into")
    problem = _owner(name)
    if problem:
        others = [f"tinify-my-{name}"] if not name.startswith("tinify-") else []
        others += [f"{name}-{number}" for number in range(2, 100)]
        free = next(other for other in others if not _owner(other))
        raise ConfigError(f"{name!r} cannot be used: {problem}. Next: choose another name, such as {free!r}")


def _owner(name: str) -> str:
    """What has the name, or one that would follow from it; "" where it is free."""
    from tinify import plugins, registry

    package, short = _names(name)
    for plugin in plugins.host().plugins:
        if plugin.name == short:
            return f"there is a plugin {short!r} already, of {plugin.origin}"
    for row in registry.components():
        if row.name in (f"{short}-step", f"{short}-picture"):
            return f"there is a component {row.name!r} already, of plugin {row.plugin!r}"
    if find_spec(package) is not None:
        return f"there is a Python package {package!r} already, and the two would hide each other"
    return ""


def _names(name: str) -> tuple[str, str]:
    """The Python package and the plugin of a distribution."""
    return name.replace("-", "_"), name.removeprefix("tinify-")


def _write(into: Path, name: str, names: dict[str, str]) -> Path:
    """The folder appears whole or not at all."""
    from tinify.errors import InputError

    source = template_folder()
    if not source.is_dir():
        raise InputError(f"{source} is missing. Next: `pip install --force-reinstall --no-deps tinify-codec`")

    def renamed(text: str) -> str:
        return _OWN.sub(lambda match: names[match[0]], text)

    with tempfile.TemporaryDirectory(dir=into, prefix=f".{name}-") as scratch:
        whole = Path(scratch) / name
        shutil.copytree(source, whole, ignore=_LEFT_OUT, copy_function=shutil.copyfile)
        for path in sorted(whole.rglob("*"), reverse=True):  # what a folder holds before the folder
            if path.is_file():
                path.write_text(renamed(path.read_text("utf-8")), "utf-8")
            path.rename(path.with_name(renamed(path.name)))
        return whole.rename(into / name)
