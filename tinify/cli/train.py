# SPDX-License-Identifier: Apache-2.0
"""`tinify train`"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("recipe", type=click.Path(dir_okay=False, path_type=Path), metavar="RECIPE.toml")
@click.option(
    "--data",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="What the folders in the recipe are relative to.",
)
@click.option(
    "--run", "--run-dir", required=True, type=click.Path(path_type=Path), help="Folder for log, checkpoint and weights."
)
@click.option("--resume", is_flag=True, help="Go on with the run in that folder, from its last checkpoint.")
@click.option("--overwrite", is_flag=True, help="Begin anew where the folder has a run.")
@click.option("--export", type=click.Path(path_type=Path), help="In the end write a zoo folder, which --codec takes.")
@click.option("--half", is_flag=True, help="With --export: networks in float16, half the size.")
@click.option("--summary", default="", help="With --export: one line for `tinify models`.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), help="Default: a GPU where there is one.")
@click.option("--log-every", type=click.IntRange(1), default=100, show_default=True, help="Steps between lines.")
@click.option(
    "--checkpoint-every", type=click.IntRange(1), default=1000, show_default=True, help="Steps between checkpoints."
)
@click.option("--tensorboard", is_flag=True, help="Log for TensorBoard, too, into RUN/tensorboard.")
def train(recipe, data, run, export, half, summary, **options) -> int:
    """Train a codec from a recipe; zoo/*/train.toml are the recipes of the zoo.

    \b
      tinify train zoo/photo-hyperprior/train.toml --data pictures --run runs/photo
      tinify train zoo/photo-hyperprior/train.toml --data pictures --run runs/photo --resume
      tinify train mine.toml --data pictures --run runs/mine --export ./mine
      tinify compress photo.png --codec ./mine

    A recipe for networks on pictures; what is left out has defaults (tinify/training/image/recipe.py says which):

    \b
      trainer = "image"
      seed = 1
      precision = "bf16"             # networks in bfloat16; "fp32"
      [codec]                        # as for tinify.build
      kind = "codec"
      name = "mbt2018-mean"
      N = 64
      M = 96
      gain_levels = 8                # one checkpoint for every rate
      [data]
      folders = ["train"]            # folders of pictures, or packs of `tinify pack-images`
      crop = 128
      batch_size = 8                 # of all processes together
      [rate]
      lmbda_low = 0.0018             # what distortion weighs at the lowest and the highest rate
      lmbda_high = 0.0932
      [optimizer]
      steps = 100000
      lr = 1e-4
      [validation]                   # real files; the best weights are kept
      folders = ["val"]
      every = 1000

    RUN gets recipe.toml, log.jsonl, checkpoint.pt and best.safetensors. Ctrl-C, or SIGTERM, saves and ends; --resume
    then makes the same weights, bit for bit, as if nothing had happened (on a CPU; on a GPU with deterministic = true).

    On many devices, with `pip install "tinify-codec[train]"`; each has a share of every step, and the steps stay the
    same:

    \b
      torchrun --nproc-per-node 2 -m tinify train mine.toml --data pictures --run-dir runs/mine

    (torchrun takes --run for an option of its own.)
    """
    from tinify.training.trainers import IMAGE, read_any, train_function

    trainer, table = read_any(recipe)
    if trainer == IMAGE:
        return _train_image(recipe, table, data, run, options, (export, half, summary))
    given = [name for name in ("resume", "tensorboard", "device") if options[name]]
    if given or export:
        name = given[0] if given else "export"
        raise click.UsageError(f"--{name} is for recipes of trainer {IMAGE!r}; this one's is {trainer!r}")
    _check_free(run, options["overwrite"])
    train_function(trainer)(table, data, run)
    return 0


def _train_image(
    path: Path, recipe: Any, data: Path, run: Path, options: dict[str, Any], to: tuple[Path | None, bool, str]
) -> int:
    from tinify.training.image.loop import RunOptions
    from tinify.training.image.loop import train as train_image

    trainer = train_image(recipe, data, RunOptions(run, **options), path.read_text("utf-8"))
    if trainer.step < recipe.optimizer.steps:
        return 130
    if to[0] is not None and trainer.among.rank == 0:
        from tinify.training.export import export_run

        export_run(run, *to)
        click.echo(f"{to[0]}: a codec folder; `tinify compress --codec {os.path.join('.', to[0])}` takes it")
    return 0


def _check_free(run: Path, overwrite: bool) -> None:
    from tinify.errors import OutputExistsError

    log = run / "log.jsonl"
    if log.exists() and not overwrite:
        raise OutputExistsError(f"{run} holds a run; --overwrite begins anew")
    log.unlink(missing_ok=True)
