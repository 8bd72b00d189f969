# SPDX-License-Identifier: Apache-2.0
"""What the pages show is run, page by page, in order, in an empty folder."""

import contextlib
import io
import sys
from pathlib import Path

import pytest
import torch

from tinify import api, plugins, registry
from tinify.cli.main import run
from tinify.config import read_toml
from tinify.entropy_coder import get_entropy_coder, set_entropy_coder
from tinify.errors import MissingExtraError

from .pages import DOCS, REPOSITORY, Runner, blocks, sources

# What pages may import beyond what the package needs.
OPTIONAL = ("zarr", "xarray", "numcodecs", "dask", "onnx", "onnxruntime", "onnxscript", "fsspec", "matplotlib")
RUNNABLE = ("python", "console")
# What takes minutes on a page takes seconds here: (on the page, in the test).
SHORTER = {
    "tutorials/train-a-tiny-codec.md": [("steps = 800", "steps = 8"), ("warmup_steps = 50", "warmup_steps = 2")],
    "tutorials/tokens-from-csv.md": [("minutes = 0.5", "minutes = 0.005"), ("steps = 400", "steps = 12")],
}


def page_names():
    found = {str(page.relative_to(DOCS)): page.read_text("utf-8") for page in sources()}
    return [name for name, text in found.items() if any(b.language in RUNNABLE and b.runs for b in blocks(text))]


@pytest.fixture
def clean(monkeypatch, tmp_path):
    """An empty folder, one thread, and nothing that a page registers or loads left behind."""
    monkeypatch.chdir(tmp_path)
    threads, session, path = torch.get_num_threads(), dict(registry._session), list(sys.path)
    coder = get_entropy_coder()
    torch.set_num_threads(1)
    monkeypatch.setattr(api, "_codecs", {})
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    torch.set_num_threads(threads)
    set_entropy_coder(coder)
    registry._session.clear()
    registry._session.update(session)
    sys.path[:] = path
    for name in [
        name for name in sys.modules if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path))
    ]:
        del sys.modules[name]
    plugins.reload()


def install(words):
    """What pip does for a folder, as far as plugins see it: it is on the path, with its entry point."""
    folder = Path(words[-1])
    project = read_toml(folder / "pyproject.toml")["project"]
    info = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = [f"{name} = {target}" for name, target in project["entry-points"]["tinify"].items()]
    (info / "entry_points.txt").write_text("[tinify]\n" + "\n".join(lines) + "\n")
    sys.path.insert(0, str(folder.resolve()))
    plugins.reload()
    return "", 0


def command(words):
    """Output and exit code of a command line: `tinify` in this process, a few others as far as a test needs them."""
    if words[0] == "tinify":
        stream = io.StringIO()
        with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
            code = run(words[1:])
        if code == MissingExtraError.exit_code:
            raise MissingExtraError(stream.getvalue())
        return stream.getvalue(), code
    if words[:2] == ["pip", "install"] and words[-1].startswith("./"):
        return install(words)
    raise AssertionError(f"no test runs {words[0]!r}; say on the page why")


@pytest.mark.parametrize("name", page_names())
def test_the_blocks_of_a_page_run(name, clean):
    text = (DOCS / name).read_text("utf-8")
    for shown, shorter in SHORTER.get(name, ()):
        assert text.count(shown) == 1, f"{name} does not say {shown!r} once"
        text = text.replace(shown, shorter)
    runner = Runner(name, command)
    try:
        for block in blocks(text):
            runner.run(block)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in OPTIONAL:
            raise
        pytest.skip(f"optional: {error}")
    except MissingExtraError as error:
        pytest.skip(f"optional: {error}")


@pytest.mark.parametrize("page", sorted((DOCS / "tutorials").glob("*.md")), ids=lambda page: page.stem)
def test_a_tutorial_has_blocks_that_run(page):
    assert page.stem == "index" or str(page.relative_to(DOCS)) in page_names()


def test_pages_whose_blocks_are_shortened_exist():
    assert set(SHORTER) <= {str(page.relative_to(DOCS)) for page in sources()}
    assert (REPOSITORY / "mkdocs.yml").is_file()
