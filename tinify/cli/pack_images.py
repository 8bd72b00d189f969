# SPDX-License-Identifier: Apache-2.0
"""`tinify pack-images`"""

from __future__ import annotations

from pathlib import Path

import click


@click.command("pack-images")
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="FOLDER...")
@click.option("--output", "-o", required=True, type=click.Path(path_type=Path), help="The pack: NAME.pictures")
@click.option(
    "--tile", type=click.IntRange(0), default=0, help="Store pictures in parts of at most N x N. Default: whole."
)
@click.option("--force", "-f", is_flag=True, help="Overwrite an output that exists.")
def pack_images(folders, output, tile, force) -> None:
    """Decode pictures once, into one file that training cuts its crops from.

    \b
      tinify pack-images photos/2024 photos/2025 -o photos.pictures
      tinify train mine.toml ...            # with folders = ["photos.pictures"]

    Training on it begins at once and needs no memory for it; processes of a machine share it. It is as large as the
    pictures are when decoded, three bytes a pixel. Where that is more than the memory holds, --tile 512 makes reading
    from a disk faster; crops are then within a tile. Several packs can be named in a recipe.
    """
    from tinify import media
    from tinify.data.picture_store import PACK_SUFFIX, load_picture, picture_files, write_pack
    from tinify.errors import InputError

    if output.suffix != PACK_SUFFIX:
        raise click.UsageError(f"--output is '{output}'; the name of a pack ends in {PACK_SUFFIX}")
    media.check_free(output, force)
    files = picture_files(folders)
    if not files:
        raise InputError(f"no pictures in {', '.join(map(str, folders))}")
    count = write_pack(map(load_picture, files), output, tile)
    parts = f", in {count} tiles" if tile else ""
    click.echo(f"{output}: {len(files)} pictures{parts}, {output.stat().st_size / 1e6:.0f} MB")
