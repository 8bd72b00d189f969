# SPDX-License-Identifier: Apache-2.0
"""A `SeriesMixing` codec for somebody's own series, from a few thousand rows on, in minutes on a CPU.

recordings -> first 90 % of the rows of each -> gaps filled, normalised -> learn -> codec
           -> last 10 %: held out, for `break_even`
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from tinify import registry
from tinify.errors import ConfigError, InputError
from tinify.models.series.gaps import fill_gaps, gap_codes
from tinify.models.series.normalisation import Moments, Normalisation
from tinify.models.series.series_mixing import SeriesMixing
from tinify.training import predictions
from tinify.training.mixing import MixingOptions, learn

HELD_OUT = 0.1
LEAST_ROWS, MOST_CHANNELS, MOST_PREDICTED = 512, 2048, 160
MOST_NUMBERS = 1 << 23  # that are learned from; of longer recordings evenly spread parts
_PARTS, _SHORTEST = 16, 32
_TRIAL_ROWS = 1 << 14
Progress = Callable[[str, float], object]  # a stage begins, and the share of the whole that is done


@dataclass(frozen=True)
class FitOptions:
    """`epochs`: how often the numbers are gone through, at rates from coarse to fine; at most about `minutes`."""

    epochs: int = 4
    minutes: float = 3.0
    seed: int = 0


def table_for(channels: int, blocks: Sequence[int] | None = None) -> dict[str, Any]:
    """What `tinify.build` makes a codec of that can be fitted to so many channels."""
    features = predictions.count(channels) if channels <= MOST_PREDICTED else 0
    table = {"kind": "codec", "name": "series-mixing", "channels": channels, "features": features}
    return table if blocks is None else table | {"blocks": list(blocks)}


def set_normalisation(codec: SeriesMixing, offset: np.ndarray, scale: np.ndarray) -> None:
    """What files need not say: offsets and scales (C,) of the channels."""
    codec.fitted.offset.copy_(torch.from_numpy(offset))
    codec.fitted.scale.copy_(torch.from_numpy(scale))


def split(recordings: Sequence[Any]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """`(learned, held_out)` pieces (T, C) of recordings, which need only `shape` and `[a:b]`: the last tenth of the
    rows of each is held out, and those with fewer than 32 rows are left out. InputError when what is left is too little
    or they do not have the same channels."""
    channels = {recording.shape[1] for recording in recordings}
    if len(channels) != 1:
        raise InputError(f"series of {sorted(channels)} channels; one codec is for series of the same channels")
    recordings = [recording for recording in recordings if recording.shape[0] >= _SHORTEST]
    count, rows = channels.pop(), sum(recording.shape[0] for recording in recordings)
    if not 1 <= count <= MOST_CHANNELS:
        raise InputError(f"series of {count} channels; a codec can be fitted to 1 to {MOST_CHANNELS}")
    if rows < LEAST_ROWS:
        raise InputError(
            f"{rows} rows are too few to fit a codec to; at least {LEAST_ROWS} are needed, in recordings of "
            f"{_SHORTEST} and more"
        )
    cuts = [recording.shape[0] - int(HELD_OUT * recording.shape[0]) for recording in recordings]
    share = min(1.0, MOST_NUMBERS / max(1, count * sum(cuts)))
    pairs = list(zip(recordings, cuts, strict=True))
    learned = [part for recording, cut in pairs for part in _parts(recording, cut, share)]
    return learned, [recording[cut : cut + max(1, MOST_NUMBERS // count)] for recording, cut in pairs]


def _parts(recording: Any, stop: int, share: float) -> list[np.ndarray]:
    if share == 1.0:
        return [recording[:stop]]
    rows = min(stop, max(_SHORTEST, int(share * stop)))
    parts = max(1, min(_PARTS, rows // _SHORTEST))
    return [recording[a : a + rows // parts] for a in np.linspace(0, stop - rows // parts, parts).astype(int)]


def fit(
    pieces: Sequence[np.ndarray],
    options: FitOptions | None = None,
    *,
    start: SeriesMixing | None = None,
    progress: Progress | None = None,
) -> SeriesMixing:
    """The codec for series like `pieces` (T, C) of any number type; NaN and infinities are gaps.

    start: the codec whose coder's state it goes on from; None begins with nothing. InputError when nothing varies.
    """
    options, say = options or FitOptions(), progress or (lambda stage, share: None)
    if options.epochs < 1 or not options.minutes > 0:
        raise ConfigError(f"{options.epochs} epochs, {options.minutes} minutes; allowed: at least 1, and more than 0")
    say("channels", 0.0)
    scale = normalisation_of(pieces)
    z = [scale.apply(fill_gaps(piece, gap_codes(piece))) for piece in pieces]
    codec = registry.build_config(table_for(z[0].shape[1], start and start.blocks))
    if start is not None:
        for mine, theirs in zip((codec.grid, *codec.models), (start.grid, *start.models), strict=True):
            mine.state = theirs.state.clone()
    stages = ["grid", *(f"blocks of {block}" for block in codec.blocks)]
    begun = iter(enumerate(stages))

    def say_next(_: Any = None) -> None:
        number, stage = next(begun, (None, None))
        if stage is not None:
            say(stage, max(0.02, number / len(stages)))

    say_next()
    learn(codec, [z], _amount(codec, z, options), options.seed, say_next)
    set_normalisation(codec, scale.offset, scale.scale)
    return codec.eval().requires_grad_(False)


def with_state_of(general: SeriesMixing, codec: SeriesMixing) -> SeriesMixing:
    """The fitted one with the general one's coder state in place of its own, which a codec file need not hold."""
    twin = SeriesMixing(codec.blocks, channels=codec.fitted.channels, features=len(codec.fitted.table))
    states = {key: value for key, value in general.state_dict().items() if key.endswith(".state")}
    twin.load_state_dict({**codec.state_dict(), **states})
    return twin.eval().requires_grad_(False)


def normalisation_of(pieces: Sequence[np.ndarray]) -> Normalisation:
    """Mean and deviation of each channel, gaps apart; a channel that is constant has a hundredth of its size as scale,
    so that little is lost should it ever move."""
    parts = [Moments.of(piece, gap_codes(piece) == 0) for piece in pieces]
    count = np.stack([part.count for part in parts]).astype(np.float64)
    mean = (count / np.maximum(count.sum(axis=0), 1) * np.stack([part.mean for part in parts])).sum(axis=0)
    means = np.ma.array([part.mean for part in parts], mask=count == 0)
    constant = np.all([part.constant for part in parts], axis=0) & (means.min(axis=0) == means.max(axis=0)).filled(True)
    deviation = Moments.deviation_of_all(parts)
    constant |= deviation <= 1e-12 * np.abs(mean)
    if constant.all():
        raise InputError("no channel of the series varies: there is nothing to fit a codec to")
    return Normalisation(mean, np.where(constant, np.where(mean == 0, 1.0, np.abs(mean) / 100), deviation))


def _amount(codec: SeriesMixing, z: list[np.ndarray], options: FitOptions) -> MixingOptions:
    """As many rates as fit into the time, by how long a little takes on this machine."""
    usual = MixingOptions()
    few = np.ascontiguousarray(z[0][: max(1, _TRIAL_ROWS // z[0].shape[1])])
    since = time.perf_counter()
    codec._cost(few, 1, 0.1)
    each = (time.perf_counter() - since) / few.size
    numbers = min(usual.values, max(piece.size for piece in z))
    rates = int(60 * options.minutes / (each * numbers * (1 + len(codec.blocks))))
    return MixingOptions(rates=max(usual.rates, min(options.epochs * usual.rates, rates)))
