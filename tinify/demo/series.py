# SPDX-License-Identifier: Apache-2.0
"""The series through tinify, and through a uniform grid and pcodec at the same error."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tinify.demo.samples import Recording
from tinify.demo.trial import Codec, Trial, attempt
from tinify.evaluation import quantize_pcodec
from tinify.metrics.max_error import max_error
from tinify.metrics.nrmse import nrmse


@dataclass(frozen=True)
class SeriesStudy:
    """tinify's trial first, then quantize + pcodec at no larger an NRMSE, then pcodec without loss."""

    recording: Recording
    trials: tuple[Trial, ...]

    def nrmse(self, trial: Trial) -> float:
        return nrmse(self.recording.samples, trial.restored)

    def max_error(self, trial: Trial) -> float:
        return max_error(self.recording.samples, trial.restored)

    def bits_per_sample(self, trial: Trial) -> float:
        return 8 * len(trial.data) / self.recording.samples.size


def study_series(codec: Codec, recording: Recording, folder: Path) -> SeriesStudy:
    """Writes `<name>.tnf` into `folder` and measures from it."""
    samples, path = recording.samples, folder / f"{recording.name}.tnf"
    codec.decompress(codec.compress(samples))  # loads the weights, so that they are not timed
    ours = attempt("tinify", "tinify", lambda: codec.compress(samples),
                   lambda data: codec.decompress(data).reshape(samples.shape), path)  # fmt: skip
    target = nrmse(samples, ours.restored)
    return SeriesStudy(
        recording, (ours, _peer(recording, target, quantize_pcodec.NAME), _peer(recording, 0.0, "pcodec, lossless"))
    )


def _peer(recording: Recording, target: float, label: str) -> Trial:
    found = quantize_pcodec.encode_to_nrmse(recording.samples, target)
    step = quantize_pcodec.step_of(found)
    return attempt(quantize_pcodec.NAME, label,
                   lambda: quantize_pcodec.encode(recording.samples, step), quantize_pcodec.decode)  # fmt: skip
