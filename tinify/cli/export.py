# SPDX-License-Identifier: Apache-2.0
"""`tinify export`"""

from __future__ import annotations

import json
from pathlib import Path

import click

from tinify.cli.listing import json_option


@click.command()
@click.argument("codec")
@click.option("--onnx", type=click.Path(path_type=Path), metavar="DIR", help="Write ONNX files into this folder.")
@click.option(
    "--torch-export",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write programs of torch.export (.pt2) there.",
)
@click.option("--force", "-f", is_flag=True, help="Overwrite files that exist.")
@json_option
def export(codec: str, onnx: Path | None, torch_export: Path | None, force: bool, as_json: bool) -> int:
    """Write the networks of a learned image codec for other runtimes, for pictures of any size.

    CODEC is a name of `tinify models` or a folder (./mine). Written are g_a and g_s and, where it has a hyperprior, h_a
    and h_s; entropy coding is not in them. Each is run at another size and compared with what tinify computes. What
    they take and give, and how pictures are padded and scaled, is in metadata.json beside them.
    """
    from tinify import api
    from tinify.interop.networks import METADATA
    from tinify.interop.networks import export as write

    if onnx is None and torch_export is None:
        raise click.UsageError("name a folder: --onnx DIR, --torch-export DIR, or both")
    loaded = api.load(codec)
    folders: dict[Path, tuple[str, ...]] = {}
    for kind, folder in (("onnx", onnx), ("torch", torch_export)):
        if folder is not None:
            folders[folder] = (*folders.get(folder, ()), kind)
    done = []
    for folder, kinds in folders.items():
        described = write(loaded, folder, kinds, overwrite=force)
        done.append({"folder": str(folder), "metadata": str(folder / METADATA), "networks": described["networks"]})
    if as_json:
        click.echo(json.dumps(done, indent=2))
        return 0
    for entry in done:
        for name, network in entry["networks"].items():
            for file in network["files"].values():
                click.echo(
                    f"{entry['folder']}/{file['file']}  {name}, largest difference {file['largest_difference']:.1e}"
                )
    return 0
