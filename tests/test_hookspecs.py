# SPDX-License-Identifier: Apache-2.0
"""Every hook has a test of its name here, so that none is added without one."""

import inspect
import sys

import pytest

from tinify import hookspecs, plugins, registry

SIGNATURES = {"tinify_components": [], "tinify_models": [], "tinify_media": [], "tinify_commands": ["cli"]}


@pytest.mark.parametrize("hook", plugins.HOOKS)
def test_every_hook_has_a_test_and_the_signature_of_the_contract(hook):
    assert hasattr(sys.modules[__name__], f"test_hook_{hook}")
    assert list(inspect.signature(getattr(hookspecs, hook)).parameters) == SIGNATURES[hook]
    assert inspect.getdoc(getattr(hookspecs, hook))


def test_hook_tinify_components(install_fakes):
    install_fakes("good")
    assert registry.find("quantizer", "good-floor").target == "tinify_good_parts:Floor"


def test_hook_tinify_models(install_fakes):
    (card,) = install_fakes("good").models["fake-numbers"]
    assert (card.plugin, card.path.name) == ("good", "fake-numbers")


def test_hook_tinify_media(install_fakes, tmp_path):
    from tinify import media

    install_fakes("good")
    (tmp_path / "x.goodraw").write_bytes(b"\x01\x02")
    assert media.read(tmp_path / "x.goodraw").samples.tolist() == [[1], [2]]


def test_hook_tinify_commands(install_fakes, capsys):
    from tinify.cli.main import run

    install_fakes("good")
    assert run(["good-hello"]) == 0
    assert capsys.readouterr().out == "hello from a plugin\n"
