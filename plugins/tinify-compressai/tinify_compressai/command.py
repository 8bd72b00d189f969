# SPDX-License-Identifier: Apache-2.0
"""`tinify compressai`"""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def compressai() -> None:
    """CompressAI's checkpoints as codecs."""


@compressai.command()
@click.argument("checkpoint")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--model", metavar="NAME", help="CompressAI's name of the model, such as mbt2018-mean.")
@click.option("--own", is_flag=True, help="For tinify's own codec of that name: faster, and readers need no plugin.")
@click.option("--force", "-f", is_flag=True, help="Overwrite a folder that exists.")
def folder(checkpoint: str, folder: Path, model: str | None, own: bool, force: bool) -> None:
    """Make a codec FOLDER of a CHECKPOINT of CompressAI: a file (.pth.tar, .pth, .safetensors) and its --model, or the
    name of a published one, which is fetched.

    \b
    tinify compressai folder mine.pth.tar mine --model mbt2018-mean
    tinify compressai folder mbt2018-mean-mse-3 theirs
    tinify compress --codec ./mine photo.png
    """
    from tinify_compressai.folder import find, write

    path, architecture = find(checkpoint, model)
    codec = write(path, folder, architecture, own=own, force=force)
    needs = f", readers need {', '.join(codec.requires)}" if getattr(codec, "requires", ()) else ""
    click.echo(f"{folder}: {type(codec).__name__}, weights {codec.fingerprint().hex()}{needs}")
