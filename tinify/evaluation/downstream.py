# SPDX-License-Identifier: Apache-2.0
"""What a series is still good for after coding: the class of a motion from tokens, forecasts from decoded samples.

    python -m tinify.evaluation.downstream NAME --data DIR [--quality 25 50 75]

NAME is a series codec of the zoo. Prints one line of JSON for each quality and question. Tokens are read only of
codecs that make some.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tinify import container
from tinify.data.series import SeriesSet, read_series_sets
from tinify.models.series.heads import TokenEmbedding, pooled
from tinify.signal import Signal

FORECAST_SETS = ("ettm1", "solar_al", "exchange_rate")
_PAST, _AHEAD = 96, 24
_REST = 0.1  # deviations of the train split, below which a window counts as at rest
_WINDOWS = 200_000  # windows that a forecast is fitted to, about


def motion_accuracy(codec: Any, train: SeriesSet, test: SeriesSet, quality: float, rows: int = 256) -> dict[str, float]:
    """Accuracy of logistic regression on pooled features of windows: of raw samples, and of tokens of a quality.

    Both see mean and deviation over time in each channel: of the sample and its difference for raw windows (and their
    least and largest values), of the token's vector, which is its code, for tokens. Windows are 64 rows apart. `raw`
    and `tokens` are fitted to and scored on windows in motion; `raw_all` and `tokens_all` on all, though windows at
    rest carry labels that nothing in them tells apart. `bits_per_value` is what the tokens of the test windows take.
    """
    labels = [torch.from_numpy(s.window_labels(rows, 64)) for s in (train, test)]
    windows = [torch.from_numpy(s.windows(rows, 64).copy()) for s in (train, test)]
    moving = [x.var(2).mean(1).sqrt() > _REST for x in windows]
    embedding = TokenEmbedding.of(codec.latent_codec.quantizer)
    tokens = [codec.tokenize(x, quality) for x in windows]
    with torch.no_grad():
        features = {"raw": [window_statistics(x) for x in windows], "tokens": [pooled(embedding(t)) for t in tokens]}
    answer = {}
    for name, both in features.items():
        chosen = [x[keep] for x, keep in zip(both, moving, strict=True)]
        answer[name] = _accuracy(chosen, [y[keep] for y, keep in zip(labels, moving, strict=True)])
        answer[f"{name}_all"] = _accuracy(both, labels)
    string = codec.latent_codec.encode(tokens[1].flatten(0, 1))
    return {**answer, "bits_per_value": 8 * len(string) / windows[1].numel()}


def window_statistics(x: Tensor) -> Tensor:
    """Features (N, 6 C) of raw windows (N, C, T)."""
    both = pooled(torch.stack([x[..., 1:], x.diff(dim=-1)], -1))
    return torch.cat([both, x.amin(-1), x.amax(-1)], 1)


def logistic_regression(features: Tensor, labels: Tensor, decay: float = 1e-3) -> Callable[[Tensor], Tensor]:
    """A function from features (N, F) to the most likely class (N,), fitted with `decay` on standardised features."""
    mean, deviation = features.mean(0), features.std(0).clamp_min(1e-6)
    classes = int(labels.max()) + 1
    weight = torch.zeros(classes, features.shape[1] + 1, dtype=torch.float64, requires_grad=True)

    def logits(x: Tensor) -> Tensor:
        z = ((x - mean) / deviation).double()
        return z @ weight[:, 1:].t() + weight[:, 0]

    def step() -> Tensor:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(logits(features), labels)
        loss = loss + decay * weight[:, 1:].square().sum()
        loss.backward()
        return loss

    optimizer = torch.optim.LBFGS([weight], max_iter=200, line_search_fn="strong_wolfe")
    optimizer.step(step)
    return lambda x: logits(x).detach().argmax(1)


def _accuracy(features: list[Tensor], labels: list[Tensor]) -> float:
    predict = logistic_regression(features[0], labels[0])
    return float((predict(features[1]) == labels[1]).float().mean())


def forecast_errors(codec: Any, train: SeriesSet, test: SeriesSet, quality: float) -> dict[str, float]:
    """Root mean square errors, in deviations of the train split, of ridge regression from 96 to 24 samples, always
    against RAW targets, and their relative change TFE = (err(decoded) - err(raw)) / err(raw).

    `decoded`: fitted to raw samples, reads decoded ones. `refitted`: fitted to decoded samples (and raw targets), too.
    Either reads files of whole series, in which the last samples of a window were coded together with the first of its
    targets, so an error may even fall. `tfe_alone` is without that: each window is coded alone, every 24 rows, where
    the codec takes such windows.
    """
    raw = [[piece.astype(np.float64) for piece in s.normalised()] for s in (train, test)]
    decoded, sizes = zip(*(decoded_pieces(codec, pieces, quality) for pieces in raw), strict=True)
    of_raw, of_decoded = fit_ridge(raw[0], raw[0]), fit_ridge(decoded[0], raw[0])
    errors = {
        "raw": _rmse(of_raw, raw[1], raw[1]),
        "decoded": _rmse(of_raw, decoded[1], raw[1]),
        "refitted": _rmse(of_decoded, decoded[1], raw[1]),
    }
    alone = _tfe_alone(codec, of_raw, raw[1], quality)
    return {
        **errors,
        **({} if alone is None else {"tfe_alone": alone}),
        "tfe": errors["decoded"] / errors["raw"] - 1,
        "tfe_refitted": errors["refitted"] / errors["raw"] - 1,
        "bits_per_value": 8 * sizes[1] / sum(piece.size for piece in raw[1]),
        "nrmse": float(np.sqrt(np.mean(np.square(np.concatenate(decoded[1]) - np.concatenate(raw[1]))))),
    }


def _tfe_alone(codec: Any, weights: np.ndarray, pieces: list[np.ndarray], quality: float) -> float | None:
    if _PAST % codec.patch or not hasattr(codec, "tokenize"):
        return None
    totals = np.zeros(2)
    for past, ahead in _examples(pieces, pieces, _AHEAD, centred=False):
        out = codec.compress(torch.from_numpy(past[:, None].astype(np.float32)), quality)
        coded = codec.decompress(out.strings, out.shape).x_hat[:, 0].double().numpy()
        for number, x in enumerate((past, coded)):
            mean = x.mean(axis=1, keepdims=True)
            totals[number] += np.square((x - mean) @ weights + mean - ahead).sum()
    return float(np.sqrt(totals[1] / totals[0]) - 1)


def decoded_pieces(codec: Any, pieces: list[np.ndarray], quality: float) -> tuple[list[np.ndarray], int]:
    """Pieces (T, C) after a file and back, float64, and the bytes of the files."""
    out, size = [], 0
    for piece in pieces:
        data = container.pack(codec.pack(Signal("series", piece.astype(np.float32)), quality=quality))
        size += len(data)
        out.append(codec.unpack(container.unpack(data)).samples.astype(np.float64))
    return out, size


def fit_ridge(inputs: list[np.ndarray], targets: list[np.ndarray], penalty: float = 1e-3) -> np.ndarray:
    """Weights (96, 24) of one ridge regression for all channels, of windows without their mean."""
    values = sum(piece.size for piece in inputs)
    gram, cross, count = np.zeros((_PAST, _PAST)), np.zeros((_PAST, _AHEAD)), 0
    for past, ahead in _examples(inputs, targets, max(1, values // _WINDOWS)):
        gram, cross, count = gram + past.T @ past, cross + past.T @ ahead, count + len(past)
    return np.linalg.solve(gram + penalty * count * np.eye(_PAST), cross)


def _rmse(weights: np.ndarray, inputs: list[np.ndarray], targets: list[np.ndarray]) -> float:
    total, count = 0.0, 0
    for past, ahead in _examples(inputs, targets, 1):
        total, count = total + float(np.square(past @ weights - ahead).sum()), count + ahead.size
    return float(np.sqrt(total / count))


def _examples(
    inputs: list[np.ndarray], targets: list[np.ndarray], stride: int, centred: bool = True
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each channel: windows of 96 inputs, and the 24 targets after them, both less the mean of the inputs."""
    for piece, truth in zip(inputs, targets, strict=True):
        for channel in range(piece.shape[1] if len(piece) >= _PAST + _AHEAD else 0):
            past = np.lib.stride_tricks.sliding_window_view(piece[:-_AHEAD, channel], _PAST)[::stride]
            ahead = np.lib.stride_tricks.sliding_window_view(truth[_PAST:, channel], _AHEAD)[::stride]
            mean = past.mean(axis=1, keepdims=True) if centred else 0.0
            yield past - mean, ahead - mean


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="a series codec of the zoo")
    parser.add_argument("--data", type=Path, required=True, help="folder that the folder timeseries lies in")
    parser.add_argument("--quality", type=float, nargs="+", default=[25.0, 50.0, 75.0])
    options = parser.parse_args()
    from tinify import zoo

    codec = zoo.load(options.name)
    for name in (*FORECAST_SETS, "imu_broad"):
        train, test = (read_series_sets(options.data / "timeseries", split, [name])[0] for split in ("train", "test"))
        question = forecast_errors if name in FORECAST_SETS else motion_accuracy
        if question is motion_accuracy and not hasattr(codec, "tokenize"):
            continue
        for quality in options.quality:
            answer = {key: round(value, 4) for key, value in question(codec, train, test, quality).items()}
            print(json.dumps({"codec": options.name, "set": name, "quality": quality, **answer}), flush=True)


if __name__ == "__main__":
    main()
