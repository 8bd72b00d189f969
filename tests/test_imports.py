# SPDX-License-Identifier: Apache-2.0
"""What may import what: the table of the design, read from the source with ast."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tinify

PACKAGE = Path(tinify.__file__).parent
ROWS = [
    {
        "errors",
        "signal",
        "records",
        "registry",
        "hookspecs",
        "plugins",
        "builtin",
        "config",
        "entropy_coder",
        "_core",
        "requirements",
    },
    {"ops", "layers"},
    {"transforms", "quantizers", "entropy_models", "coders", "container"},
    {"latent_codecs"},
    {"models"},
    {"losses", "metrics"},
    {
        "media",
        "data",
        "training",
        "evaluation",
        "zoo",
        "codec_file",
        "rate_search",
        "api",
        "file_to_file",
        "jpeg_files",
        "scale_out",
    },
    {"interop", "cli", "demo", "doctor", "ans", "testing", "__main__"},
]
ROW = {name: number for number, row in enumerate(ROWS) for name in row}
STAGES = ROWS[2]
WITHOUT_TORCH = (
    "errors", "signal", "records", "registry", "hookspecs", "plugins", "builtin", "config", "entropy_coder",
    "requirements", "container", "coders", "media", "zoo", "codec_file", "rate_search", "api",
    "file_to_file", "testing", "cli", "ans", "jpeg_files", "scale_out",
)  # fmt: skip
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def place(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path, *, only_at_import=False):
    """Dotted names that a file imports; those inside functions and TYPE_CHECKING blocks are left out on demand."""
    found = set()

    def visit(node):
        if only_at_import and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            return
        if only_at_import and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text("utf-8")))
    return found


def places_imported(path):
    parts = [name.split(".") for name in imports(path)]
    return {part[1] for part in parts if part[0] == "tinify" and len(part) > 1 and part[1] != "__version__"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_its_own_row_and_those_above(path):
    own = place(path)
    assert own in ROW, f"add {own} to a row"
    for other in places_imported(path):
        assert ROW[other] <= ROW[own], f"tinify/{path.relative_to(PACKAGE)} imports tinify.{other}, which is below it"


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_stages_never_import_one_another(stage):
    for path in FILES:
        if place(path) == stage:
            assert places_imported(path) & STAGES <= {stage}, path


@pytest.mark.parametrize("path", [path for path in FILES if place(path) in WITHOUT_TORCH],
                         ids=lambda path: str(path.relative_to(PACKAGE)))  # fmt: skip
def test_what_must_not_import_torch_does_not(path):
    assert not {name for name in imports(path, only_at_import=True) if name.split(".")[0] == "torch"}


def loaded_after(code):
    script = f"import sys; {code}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split("\n")[-2].split())


@pytest.mark.parametrize("module", [f"tinify.{name}" for name in WITHOUT_TORCH if name != "cli"] + ["tinify.cli.main"])
def test_importing_it_in_a_fresh_process_does_not_import_torch(module):
    assert "torch" not in loaded_after(f"import {module}")


def test_importing_tinify_imports_nothing_but_the_standard_library():
    assert not loaded_after("import tinify") & {"torch", "numpy", "click", "pluggy", "PIL"}


def test_the_help_page_is_made_without_the_slow_imports():
    loaded = loaded_after("from tinify.cli.main import run; run(['--help'])")
    assert not loaded & {"torch", "numpy", "rich", "PIL", "pluggy"}


def test_public_names_are_lazy_and_all_there():
    for name in [*tinify._NAMES, *tinify._MODULES]:
        assert getattr(tinify, name) is not None
        assert name in dir(tinify)
    with pytest.raises(AttributeError, match="no attribute 'compres'"):
        tinify.compres  # noqa: B018


def test_tinypngs_client_beside_us_is_an_import_error_with_the_way_out():
    fakes = Path(__file__).parent / "fakes" / "foreign"
    script = f"import sys; sys.path.append({str(fakes)!r}); import tinify"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 1
    assert "pip uninstall tinify`" in done.stderr


def test_our_own_metadata_is_not_taken_for_tinypngs(tmp_path):
    for name in ("tinify_codec-1.0.dist-info", "tinify_codec-1.0-py3.11.egg-info", "tinify"):
        (tmp_path / name).mkdir()
    tinify._refuse_the_other_tinify([str(tmp_path), str(tmp_path / "gone"), ""])
