# SPDX-License-Identifier: Apache-2.0
"""Rate-distortion points and curves: published, measured, stored."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from tinify.errors import InputError

METRICS = ("psnr_rgb", "ms_ssim_db", "nrmse_db", "psnr")


@dataclass(frozen=True)
class Point:
    """One setting of a codec on one signal, or the mean over signals.

    bpp: bits of the whole file by pixel, or by number of a series; psnr_rgb: dB, of a picture; ms_ssim: in [0, 1];
    psnr: dB, of a series with each channel's range as peak; nrmse: in units of each channel's deviation; max_error: of
    any sample; quality or bound: what was set; encode_s, decode_s: seconds a signal; encode_mb, decode_mb: by how
    much the memory of the process rose meanwhile, 10^6 bytes; estimated_bpp: what the entropy model expects, without
    header. What was not measured is None.
    """

    bpp: float
    psnr_rgb: float | None = None
    ms_ssim: float | None = None
    quality: float | None = None
    estimated_bpp: float | None = None
    encode_s: float | None = None
    decode_s: float | None = None
    encode_mb: float | None = None
    decode_mb: float | None = None
    psnr: float | None = None
    nrmse: float | None = None
    max_error: float | None = None
    bound: str | None = None

    @property
    def ms_ssim_db(self) -> float | None:
        """`-10 log10(1 - MS-SSIM)`, which spreads the values near 1."""
        return None if self.ms_ssim is None else math.inf if self.ms_ssim >= 1 else -10 * math.log10(1 - self.ms_ssim)

    @property
    def nrmse_db(self) -> float | None:
        """`-20 log10 NRMSE`."""
        return None if self.nrmse is None else math.inf if self.nrmse <= 0 else -20 * math.log10(self.nrmse)

    @property
    def setting(self) -> str:
        """What was set, in words."""
        return "" if self.quality is None and self.bound is None else self.bound or f"{self.quality:g}"


@dataclass(frozen=True)
class Curve:
    """Points of one codec, cheapest first."""

    name: str
    points: tuple[Point, ...]

    def __post_init__(self):
        object.__setattr__(self, "points", tuple(sorted(self.points, key=lambda point: point.bpp)))

    @property
    def metrics(self) -> list[str]:
        """What to compare it in: of a picture PSNR and MS-SSIM, of a series NRMSE, as far as two points have them."""
        found = [metric for metric in METRICS if len(self.values(metric)[0]) >= 2]
        pictures = [metric for metric in found if metric in ("psnr_rgb", "ms_ssim_db")]
        return pictures or found[:1]

    def values(self, metric: str = "psnr_rgb") -> tuple[list[float], list[float]]:
        """(bpp, metric) of the points that have a finite value of it; metric is one of METRICS."""
        if metric not in METRICS:
            raise InputError(f"metric is {metric!r}; allowed: {', '.join(METRICS)}")
        pairs = [(point.bpp, getattr(point, metric)) for point in self.points]
        pairs = [(rate, value) for rate, value in pairs if value is not None and math.isfinite(value)]
        return [rate for rate, _ in pairs], [value for _, value in pairs]


def mean_curve(name: str, curves: Sequence[Curve]) -> Curve:
    """Mean over signals at each setting, of decibels and of bits by pixel: the usual mean of a data set.

    Every curve must have the same settings. A field that one signal lacks is None in the mean.
    """
    by_setting = [{point.setting: point for point in curve.points} for curve in curves]
    if not curves or any(set(points) != set(by_setting[0]) for points in by_setting):
        raise InputError(f"the {len(curves)} curves of {name} were not measured at the same settings")
    return Curve(name, tuple(_mean([points[setting] for points in by_setting]) for setting in by_setting[0]))


def _mean(points: Sequence[Point]) -> Point:
    numbers = [field.name for field in fields(Point) if field.name != "bound"]
    columns = {name: [getattr(point, name) for point in points] for name in numbers}
    means = {name: None if None in column else sum(column) / len(column) for name, column in columns.items()}
    return Point(bound=points[0].bound, **means)


def to_rows(curve: Curve) -> list[dict[str, Any]]:
    """The points as JSON holds them: named, rounded beyond what is significant, without what was not measured."""
    rows = [asdict(point) | {"ms_ssim_db": point.ms_ssim_db} for point in curve.points]
    return [{key: _rounded(value) for key, value in row.items() if _is_known(value)} for row in rows]


def _is_known(value: Any) -> bool:
    """JSON has no infinity: the decibels of what came back without loss are left out."""
    return value is not None and (isinstance(value, str) or math.isfinite(value))


def _rounded(value: Any) -> Any:
    if isinstance(value, str):
        return value
    return round(value, 6) if abs(value) >= 1e-3 else float(f"{value:.4g}")


def from_rows(name: str, rows: Iterable[Mapping[str, Any]]) -> Curve:
    """The inverse of `to_rows`; "bits_per_value" is what series call "bpp", and other keys are ignored."""
    known = {field.name for field in fields(Point)}
    rows = [{"bpp": row["bits_per_value"], **row} if "bits_per_value" in row else row for row in rows]
    return Curve(name, tuple(Point(**{key: row[key] for key in row if key in known}) for row in rows))


def read_curves(path: str | os.PathLike) -> dict[str, Curve]:
    """Curves by name from a JSON file {"codecs": {name: {"points": [{"bpp": ..., "psnr_rgb": ...}, ...]}}}.

    Points without a PSNR are left out, and so are codecs without such points. InputError when it is no such file.
    """
    try:
        codecs = json.loads(Path(path).read_text(encoding="utf-8"))["codecs"]
        rows = {name: [row for row in entry["points"] if "psnr_rgb" in row] for name, entry in codecs.items()}
        return {name: from_rows(name, points) for name, points in rows.items() if points}
    except OSError as error:
        raise InputError(f"curves cannot be read from {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} holds no curves ({type(error).__name__}: {error})") from error


def anchors_file(name: str = "kodak_rd.json") -> Path:
    """Where published curves lie: folder TINIFY_ANCHORS, else `shared/anchors` beside a source tree's repository."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "anchors"
    return Path(os.environ.get("TINIFY_ANCHORS", beside)) / name
