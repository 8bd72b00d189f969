# SPDX-License-Identifier: Apache-2.0
"""Trains the codecs of a study, each in the same minutes of one thread.

entry, sets --> networks (budget without the prior's share) --> prior --> codec in evaluation mode
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from tinify import registry, zoo
from tinify.data.series import SeriesSet, SeriesWindows, read_series_sets
from tinify.entropy_models.learned_prior import LearnedPrior
from tinify.evaluation.study.config import Entry, Study
from tinify.models.base import Codec
from tinify.models.series.series_mixing import SeriesMixing
from tinify.models.series.tokenizer import Tokenizer
from tinify.training import fit, mixing, series, tcrae
from tinify.training.recipe import parse_recipe

Log = Callable[[dict], None]
_MANY_STEPS = 10_000_000  # the minutes end a training


def build(study: Study, entry: Entry, data: Path, set_name: str) -> Codec:
    """The untrained codec; a zoo codec comes with its weights."""
    torch.manual_seed(study.seed)
    if entry.recipe == "none":
        return zoo.load(entry.codec["name"]).eval()
    table = dict(entry.codec)
    if entry.fit_channels:
        channels = len(_sets(study, data, "train", [set_name])[0].mean)
        table |= fit.table_for(channels)
    codec = registry.build_config({"kind": "codec", **table}, path=f"{entry.name}.codec")
    codec.name = entry.codec["name"]
    if not entry.weighs_bits:
        rate_of = codec.rate_of
        codec.rate_of = lambda quality: (rate_of(quality)[0], 0.0)
    return codec


def train(study: Study, entry: Entry, data: Path, set_name: str, networks: Path | None, log: Log) -> Codec:
    """The codec of `entry` trained on the train split of a set (or of all), ready to code. `networks` is the file of
    weights of the entry that `entry.networks_of` names."""
    codec = build(study, entry, data, set_name)
    if entry.recipe == "none":
        return codec
    sets = _sets(study, data, "train", study.sets if entry.one_for_all else [set_name])
    {"series": _train_tokenizer, "tcrae": _train_tcrae, "mixing": _train_mixing}[entry.recipe](
        codec, study, entry, sets, networks, log
    )
    return codec.eval()


def _train_tokenizer(codec: Tokenizer, study: Study, entry: Entry, sets, networks: Path | None, log: Log) -> None:
    learned = isinstance(codec.latent_codec.prior, LearnedPrior)
    share = study.prior_share if learned or networks else 0.0
    minutes = study.minutes_of(entry)
    recipe = _recipe(study, entry, series.SeriesRecipe, minutes * (1 - share), minutes * share)
    if networks is None:
        windows = SeriesWindows(sets, recipe.data.window, study.seed)
        series.train_networks(codec, windows, recipe, log)
    else:
        kept = {k: v for k, v in load_file(networks).items() if not k.startswith("latent_codec.prior.")}
        codec.load_state_dict(kept, strict=False)
    series.fit_prior(codec, sets, recipe, log)


def _train_tcrae(codec, study: Study, entry: Entry, sets, networks: Path | None, log: Log) -> None:
    recipe = _recipe(study, entry, tcrae.TcraeRecipe, study.minutes_of(entry))
    tcrae.train_networks(codec, sets, recipe, log)
    tcrae.fit_histograms(codec, sets, recipe, log)


def _train_mixing(codec: SeriesMixing, study: Study, entry: Entry, sets, networks: Path | None, log: Log) -> None:
    if codec.fitted is not None:
        fit.set_normalisation(codec, sets[0].mean, sets[0].deviation)
    recipe = parse_recipe({"codec": entry.codec, **entry.options}, mixing.MixingRecipe)
    codec.eval()
    mixing.learn(codec, [s.normalised() for s in sets], recipe.learn, study.seed, log)


def _recipe(study: Study, entry: Entry, kind: type, minutes: float, prior_minutes: float = 0.0) -> Any:
    """The recipe of an entry; the study's minutes and seed are put in."""
    options = dict(entry.options)
    options["optimizer"] = {"steps": _MANY_STEPS, **options.get("optimizer", {}), "minutes": minutes}
    if prior_minutes:
        options["prior"] = {**options.get("prior", {}), "minutes": prior_minutes}
    return parse_recipe({"codec": entry.codec, "seed": study.seed, "threads": 1, **options}, kind)


def _sets(study: Study, data: Path, split: str, names: list[str]) -> list[SeriesSet]:
    return read_series_sets(data / study.folder, split, names)
