# SPDX-License-Identifier: Apache-2.0
"""`tinify compressai`"""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def compressai() -> None:
    """CompressAI's checkpoints as codecs."""


@compressai.command()
@click.argument("checkpoint", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--model", required=True, metavar="NAME", help="CompressAI's name of the model, such as mbt2018-mean.")
@click.option("--own", is_flag=True, help="For tinify's own codec of that name: faster, and readers need no plugin.")
@click.option("--force", "-f", is_flag=True, help="Overwrite a folder that exists.")
def folder(checkpoint: Path, folder: Path, model: str, own: bool, force: bool) -> None:
    """Make a codec FOLDER of a CHECKPOINT of CompressAI (.pth.tar, .pth, .safetensors).

    \b
    tinify compressai folder mbt2018-mean-3.pth.tar mine --model mbt2018-mean
    tinify compress --codec ./mine photo.png
    """
    from tinify_compressai.folder import write

    codec = write(checkpoint, folder, model, own=own, force=force)
    needs = f", readers need {', '.join(codec.requires)}" if getattr(codec, "requires", ()) else ""
    click.echo(f"{folder}: {type(codec).__name__}, weights {codec.fingerprint().hex()}{needs}")
