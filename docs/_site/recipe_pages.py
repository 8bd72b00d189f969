# SPDX-License-Identifier: Apache-2.0
"""Every key of every recipe of `tinify train`: type and default from the dataclasses, meaning from MEANINGS."""

from __future__ import annotations

import dataclasses
import importlib
import typing
from typing import Any

# A key, or where it means something of its own "trainer.table.key".
MEANINGS = {
    "codec": "what to train, as for `tinify.build`: `kind`, `name` and arguments",
    "seed": "of all random choices; the same seed on the same CPU gives the same weights",
    "threads": "of the CPU; 0 leaves the choice to torch",
    "precision": "`bf16`: networks compute in bfloat16, losses and probabilities in float32",
    "compile": "networks go through `torch.compile`",
    "deterministic": "on a GPU: only algorithms that give the same bits each time",
    "weights": "file of weights to begin from, below the data folder or anywhere; empty: untrained",
    "restoration.weights": "file of the codec's weights; its network is not looked at",
    "folders": "folders of pictures below the data folder",
    "image.data.folders": "folders of pictures below the data folder, or packs of `tinify pack-images`",
    "image.validation.folders": "pictures to compress to real files now and then; none: no validation",
    "exact_folders": "folders whose pictures are also learned without loss",
    "folder": "folder of series below the data folder, with its `index.json`",
    "set": "the one set to take from it",
    "sets": "sets to take; empty: all",
    "crop": "side of the square crops, in pixels",
    "restoration.data.crop": "side of the crops of planes, which have half the height and width",
    "batch_size": "examples of a step, of all processes together",
    "first_batch_size": "windows in the first batch, from which codebooks get their start",
    "flip": "mirror crops by the toss of a coin",
    "transpose": "swap rows and columns by the toss of a coin",
    "smallest_scale": "below 1: some crops are cut larger, by up to one over this, and scaled down",
    "device_resident": "keep all pictures on the device and crop them there",
    "window": "samples of a training window",
    "rows": "rows of a window",
    "stride": "rows from one window to the next",
    "pictures": "how many crops are learned from",
    "image.validation.pictures": "only the first so many; 0: all",
    "rates": "at how many rates each crop or set is coded",
    "exact": "how many crops are learned without loss",
    "lowest": "lowest quality that is learned at",
    "tcrae.rates.lowest": "lowest rate level (see the codec) that is learned at",
    "highest": "highest quality that is learned at",
    "tcrae.rates.highest": "highest rate level that is learned at",
    "restoration.data.highest": "for each folder the highest quality that its pictures are coded at",
    "chosen_at": "rate levels at which histograms are chosen",
    "few": "coefficients of each plane, phase and picture that least squares sees",
    "usual": "share of pictures with the codec's own table and subsampling",
    "values": "numbers of a set at one rate",
    "cap": "how often at most a context counts as seen when a file begins: lower adapts sooner",
    "passes": "how often each picture is gone through",
    "lmbda_low": "what distortion weighs against bits at the lowest rate",
    "lmbda_high": "the same at the highest rate; levels between are even in the logarithm",
    "lambdas": "or one weight for each level",
    "levels_per_step": "rates that share a batch",
    "first_stage_steps": "of the `-vbr` codecs: steps at the highest rate before rates are drawn",
    "balance": "divide the loss of a rate by its weight to this power; at 0 high rates decide most",
    "steps": "of the optimizer",
    "lr": "learning rate, highest",
    "final_lr": "learning rate at the end",
    "warmup_steps": "steps in which the learning rate rises to `lr`",
    "schedule": "what comes after: half a cosine, nothing, or drops",
    "drops": "of schedule `steps`: at which steps it drops",
    "drop_factor": "what a drop multiplies it with",
    "aux_lr": "learning rate of the quantiles of learned densities",
    "clip_norm": "longest gradient; 0: never clipped",
    "ema_decay": "how slowly the averaged weights, which are kept, follow",
    "minutes": "of processor time: ends sooner where this is over; 0: no limit",
    "weight_decay": "pulls weights towards zero",
    "rate_weight": "what bits count in the choice of tokens; rises from 0",
    "rate_from": "share of the budget from which on bits count in full",
    "rounding_from": "share of the budget from which on the decoder sees rounded latents",
    "every": "steps from one validation to the next",
    "qualities": "at which the prior is learned",
    "image.validation.qualities": "at which files are made; the best weights so far are kept",
    "patches": "at most so many of a set",
    "rounds": "how often choice and count follow one another",
    "windows": "at most so many of a set are counted",
    "item": "windows of a stretch that shares a histogram",
    "task": "`classify` (the labels of the set) or `forecast` (the rows after a window)",
    "trains": "`head`, `encoder` or `codec`: what learns",
    "quality": "of the tokens that a head sees",
    "weight": "what the task counts beside the codec's own loss",
    "width": "of the head's hidden layer; 0: none",
    "horizon": "rows to forecast",
}


def recipes() -> str:
    """A section for each trainer, a table for each table of its recipe."""
    from tinify.training import trainers

    parts = [_trainer(trainers.IMAGE, "tinify.training.image.recipe", "ImageRecipe")]
    parts += [_trainer(name, *home) for name, home in trainers._OTHERS.items()]
    return "\n\n".join(parts)


def keys(trainer: str, kind: type) -> list[tuple[str, str, Any, str]]:
    """(table or "", key, field, meaning) of a recipe's dataclass; KeyError where a meaning is missing."""
    hints, found = typing.get_type_hints(kind), []
    for field in dataclasses.fields(kind):
        if dataclasses.is_dataclass(hints[field.name]):
            inner = hints[field.name]
            found += [(field.name, f.name, f, meaning(trainer, field.name, f.name)) for f in dataclasses.fields(inner)]
        else:
            found.append(("", field.name, field, meaning(trainer, "", field.name)))
    return found


def meaning(trainer: str, table: str, key: str) -> str:
    own = ".".join(part for part in (trainer, table, key) if part)
    return MEANINGS.get(own) or MEANINGS[key]


def _trainer(name: str, module: str, kind: str) -> str:
    found = getattr(importlib.import_module(module), kind)
    parts, tables = [f'## trainer = "{name}"'], {}
    for table, key, field, text in keys(name, found):
        tables.setdefault(table, []).append(f"| `{key}` | {_default(field)} | {text} |")
    for table, rows in tables.items():
        where = f"In the table `[{table}]`:" if table else "At the top:"
        parts.append("\n".join([where, "", "| key | default | meaning |", "| --- | --- | --- |", *rows]))
    return "\n\n".join(parts)


def _default(field: dataclasses.Field) -> str:
    if field.default is not dataclasses.MISSING:
        return f"`{_toml(field.default)}`"
    if field.default_factory is not dataclasses.MISSING:
        return f"`{_toml(field.default_factory())}`"
    return "required"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    return str(value)
