# SPDX-License-Identifier: Apache-2.0
"""A plugin that claims names of core and of `tinify-good`, and one of its own."""

from pathlib import Path

import click

from tinify.hookspecs import ModelCard, hookimpl
from tinify.registry import Component


@hookimpl
def tinify_components():
    yield Component("quantizer", "good-floor", "collections:Counter")
    yield Component("metric", "psnr", "collections:Counter")
    yield Component("quantizer", "copycat-own", "collections:Counter")


@hookimpl
def tinify_models():
    yield ModelCard("fake-picture", Path(__file__).parent)


@hookimpl
def tinify_commands(cli):
    for name in ("good-hello", "compress", "copycat-hello"):
        cli.add_command(click.Command(name))
