# SPDX-License-Identifier: Apache-2.0
"""A plugin as it should be: one of everything."""

from pathlib import Path

import click

from tinify.hookspecs import ModelCard, hookimpl
from tinify.registry import Component

ZOO = Path(__file__).parent / "zoo"


@hookimpl
def tinify_components():
    yield Component("quantizer", "good-floor", "tinify_good_parts:Floor", "rounds down", "nobody 2026")
    yield Component("codec", "good-picture", "tinify_good_codecs:PictureCodec", "pictures, deflated")
    yield Component("codec", "good-numbers", "tinify_good_codecs:NumbersCodec", "series, deflated")


@hookimpl
def tinify_models():
    yield ModelCard("fake-picture", ZOO / "fake-picture", "a picture codec without weights")
    yield ModelCard("fake-numbers", ZOO / "fake-numbers", "a series codec without weights")


@hookimpl
def tinify_media():
    yield Component("media", "good-raw", "tinify_good_parts:RAW", "one column of bytes")


@hookimpl
def tinify_commands(cli):
    @cli.command("good-hello")
    def hello():
        """Say hello."""
        click.echo("hello from a plugin")
