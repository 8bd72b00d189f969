# SPDX-License-Identifier: Apache-2.0
"""What a study compares, read strictly from TOML."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tinify.config import read_toml
from tinify.errors import ConfigError
from tinify.training.recipe import parse_recipe

RECIPES = ("series", "tcrae", "mixing", "none")
_MADE_BY = ("codec", "recipe", "options", "fit_channels", "weighs_bits")
_FORMAT = 1  # goes up when results of an earlier version of the harness are not to be used again


@dataclass(frozen=True)
class Entry:
    """A codec of a study.

    `codec` is a table for `tinify.build`; `recipe` names the module of `tinify.training` that trains it ("none": a zoo
    codec, `codec.name`, as it is), `options` are its further tables. `networks_of` names the entry whose transform and
    quantizer it takes, to train a prior alone. `one_for_all`: one set of weights, from the train splits of all sets.
    `minutes`: a budget of its own, where it is not the study's. `fit_channels`: the codec is built for the channels of
    its set. `weighs_bits`: tokens are chosen by their bits when encoding. `group`: "main", or the ablation it belongs
    to, where it `varies` another codec. `family`: "tokenizer", "tcrae", or another that the text tells apart. `sets`
    empty means those of the study.
    """

    name: str
    label: str
    codec: dict[str, Any]
    recipe: str
    qualities: list[float]
    options: dict[str, Any] = field(default_factory=dict)
    group: str = "main"
    varies: str = ""
    family: str = ""
    sets: list[str] = field(default_factory=list)
    networks_of: str = ""
    minutes: float = 0.0
    one_for_all: bool = False
    fit_channels: bool = False
    weighs_bits: bool = True
    downstream: bool = False


@dataclass(frozen=True)
class Study:
    """The whole of it. `minutes` of processor time are what every learned codec gets for a set, priors included; a
    learned prior takes `prior_share` of them. `targets`: NRMSE at which bits are compared."""

    title: str
    sets: list[str]
    minutes: float
    codecs: list[Entry]
    targets: list[float] = field(default_factory=lambda: [0.03, 0.1, 0.3])
    prior_share: float = 0.4
    seed: int = 1
    speed_set: str = ""
    folder: str = "timeseries"

    def __post_init__(self) -> None:
        names = [entry.name for entry in self.codecs]
        for entry in self.codecs:
            if names.count(entry.name) > 1:
                raise ConfigError(f"codecs: two are named {entry.name!r}")
            if entry.recipe not in RECIPES:
                raise ConfigError(f"{entry.name}.recipe: {entry.recipe!r}; allowed: {', '.join(RECIPES)}")
            for key, other in (("networks_of", entry.networks_of), ("varies", entry.varies)):
                if other and other not in names:
                    raise ConfigError(f"{entry.name}.{key}: {other!r}; known: {', '.join(names)}")

    def entry(self, name: str) -> Entry:
        """The codec of that name; ConfigError when there is none."""
        for entry in self.codecs:
            if entry.name == name:
                return entry
        raise ConfigError(f"no codec {name!r} in the study; known: {', '.join(e.name for e in self.codecs)}")

    def sets_of(self, entry: Entry) -> list[str]:
        return [name for name in entry.sets or self.sets if name in self.sets]

    def minutes_of(self, entry: Entry) -> float:
        return entry.minutes or self.minutes

    def training_key(self, entry: Entry) -> str:
        """Eight hex digits that change with whatever changes its weights."""
        made_of = {k: v for k, v in asdict(entry).items() if k in _MADE_BY}
        parent = self.training_key(self.entry(entry.networks_of)) if entry.networks_of else ""
        budget = [self.minutes_of(entry), self.prior_share, self.seed] if entry.recipe != "none" else []
        sets = sorted(self.sets) if entry.one_for_all else []
        return _digest([_FORMAT, made_of, parent, budget, sets, entry.one_for_all])

    def key(self, entry: Entry) -> str:
        """Eight hex digits that change with whatever changes its results."""
        return _digest([self.training_key(entry), entry.qualities, self.targets])


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:8]


def read_study(path: str | Path) -> Study:
    """The study in a TOML file. ConfigError with the path of a key that is unknown, missing or ill-typed."""
    return parse_recipe(read_toml(path), Study)
