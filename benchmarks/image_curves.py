# SPDX-License-Identifier: Apache-2.0
"""The rate-distortion curve of an image codec on Kodak, from real files, beside its peers and published curves.

    python benchmarks/image_curves.py                              # the zoo's default codec
    python benchmarks/image_curves.py --codec runs/x/checkpoint.pt # a training run's averaged weights
    python benchmarks/image_curves.py --limit 4 --qualities 0 50 100

Prints a table; writes results.json (mean points, BD-rates, command, versions), pictures.json (every picture's points)
and curve-psnr_rgb.png, curve-ms_ssim_db.png into --output. Pictures: TINIFY_DATA/kodak; published curves:
TINIFY_ANCHORS/kodak_rd.json.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from tinify.errors import InputError, MissingExtraError, WeightsError
from tinify.evaluation.baselines import BASELINES
from tinify.evaluation.comparison import Comparison, compare_curves, compare_runs
from tinify.evaluation.curves import METRICS, Curve, anchors_file, mean_curve, read_curves, to_rows
from tinify.evaluation.peers import PEERS
from tinify.evaluation.plots import plot_curves
from tinify.evaluation.provenance import command, versions
from tinify.evaluation.run import evaluate, read_pictures
from tinify.evaluation.tnf_codec import TnfCodec

REPOSITORY = Path(__file__).resolve().parents[1]
QUALITIES = (0, 14, 28, 43, 57, 71, 86, 100)
PUBLISHED = ("jpeg", "webp", "jpeg2000", "bpg", "av1", "vtm", "bmshj2018-factorized/mse@cuda",
             "bmshj2018-hyperprior/mse@cuda", "mbt2018-mean/mse@cuda", "mbt2018-mean-vbr/mse")  # fmt: skip
ANCHORS = {**BASELINES, **PEERS}
DRAWN = ("bpg", "vtm", "mbt2018-mean/mse@cuda")


@dataclass(frozen=True)
class Study:
    """What was measured: per-picture curves by codec, their means, and how the codec stands to each anchor."""

    codec: str
    runs: dict[str, list[Curve]]
    means: dict[str, Curve]
    published: dict[str, Curve]
    comparisons: list[Comparison]


def load_codec(name: str) -> TnfCodec:
    """A zoo name, a zoo folder, or the checkpoint of a training run (its averaged weights, mbt2018-mean)."""
    if not name.endswith(".pt"):
        import tinify

        return TnfCodec(tinify.load(name), Path(name).name)
    from tinify.models.image.google import MeanScaleHyperprior

    try:
        weights = torch.load(name, map_location="cpu", weights_only=True)["average"]
    except (OSError, KeyError) as error:
        raise WeightsError(f"{name} is no checkpoint of a training run: {error}") from error
    codec = MeanScaleHyperprior.from_state_dict(weights).to(memory_format=torch.channels_last).eval()
    codec.name = "checkpoint"
    return TnfCodec(codec)


def available(peers: list[str]) -> list[str]:
    """Those that can be had here; says which cannot, and why."""
    reasons = {name: PEERS[name].missing() for name in peers if name in PEERS}
    for name, reason in reasons.items():
        if reason:
            print(f"without {name}: {reason}")
    return [name for name in peers if not reasons.get(name)]


def study(codec: TnfCodec, peers: list[str], pictures: dict, qualities: list[float], anchors: Path) -> Study:
    settings = {codec.name: (codec, qualities)} | {name: (ANCHORS[name], ANCHORS[name].qualities) for name in peers}
    runs = {}
    for name, (subject, grid) in settings.items():
        runs[name] = evaluate(subject, pictures, grid, lambda done, name=name: print(f"  {name} {done}", flush=True))
    means = {name: mean_curve(name, curves) for name, curves in runs.items()}
    published = read_curves(anchors) if anchors.is_file() else {}
    comparisons = []
    for metric in METRICS:
        for name in peers:
            comparisons.append(compare_runs(name, runs[name], runs[codec.name], metric))
        for name in PUBLISHED:
            if name in published:
                comparisons.append(_against_published(published[name], means[codec.name], metric))
    return Study(codec.name, runs, means, published, [one for one in comparisons if one])


def _against_published(anchor: Curve, test: Curve, metric: str) -> Comparison | None:
    try:
        found = compare_curves(anchor, test, metric)
    except InputError:
        return None
    return Comparison(f"published {anchor.name}", metric, found.bd_rate_percent, found.bd_db, found.range_db)


def print_study(result: Study) -> None:
    for name, curve in result.means.items():
        print(f"\n{name}: mean of {len(result.runs[name])} pictures")
        print(" quality     bpp  est.bpp    PSNR  MS-SSIM    dB  encode s  decode s")
        for p in curve.points:
            estimate = "       -" if p.estimated_bpp is None else f"{p.estimated_bpp:8.4f}"
            similarity = "      -      -" if p.ms_ssim is None else f"{p.ms_ssim:8.5f} {p.ms_ssim_db:5.2f}"
            rates = f"{p.quality:8.1f} {p.bpp:7.4f} {estimate}"
            print(f"{rates} {p.psnr_rgb:7.3f} {similarity} {p.encode_s:8.3f} {p.decode_s:9.3f}")
    print(f"\nBD-rate of {result.codec} (negative: fewer bits)")
    for one in result.comparisons:
        how = f"mean of {one.pictures} pictures" if one.pictures else "of mean curves"
        low, high = one.range_db
        print(f"  {one.metric:10s} against {one.anchor:40s} {one.bd_rate_percent:+7.1f} %  {one.bd_db:+6.2f} dB  "
              f"({low:.1f} to {high:.1f} dB, {how})")  # fmt: skip


def write_study(result: Study, pictures: dict, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    summary = {
        "codec": result.codec,
        "command": command(),
        "versions": versions(),
        "threads": torch.get_num_threads(),
        "data": {"set": "kodak", "pictures": len(pictures)},
        "method": "bpp from whole files; PSNR and MS-SSIM of 8-bit RGB, mean over pictures; BD-rate: PCHIP of ln(bpp)",
        "points": to_rows(result.means[result.codec]),
        "peers": {name: to_rows(curve) for name, curve in result.means.items() if name != result.codec},
        "bd_rate": [_rounded(asdict(one)) for one in result.comparisons],
    }
    (folder / "results.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    runs = {name: {curve.name: to_rows(curve) for curve in curves} for name, curves in result.runs.items()}
    (folder / "pictures.json").write_text(json.dumps(runs) + "\n", encoding="utf-8")
    drawn = [result.published[name] for name in DRAWN if name in result.published]
    try:
        for metric in METRICS:
            title = f"Kodak, mean of {len(pictures)} pictures, real files"
            plot_curves(folder / f"curve-{metric}.png", list(result.means.values()), drawn, metric, title)
    except MissingExtraError as error:
        print(f"no plots: {error}")
    print(f"\nwritten to {folder}")


def _rounded(row: dict) -> dict:
    return row | {"bd_rate_percent": round(row["bd_rate_percent"], 2), "bd_db": round(row["bd_db"], 3),
                  "range_db": [round(end, 2) for end in row["range_db"]]}  # fmt: skip


def main() -> None:
    data = Path(os.environ.get("TINIFY_DATA", REPOSITORY.parent / "shared" / "data"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--codec", default="photo-best", help="zoo name, zoo folder, checkpoint.pt, or a peer")
    parser.add_argument("--peers", nargs="*", default=["jpeg", "webp"], choices=list(ANCHORS))
    parser.add_argument("--qualities", nargs="+", type=float, default=list(QUALITIES))
    parser.add_argument("--pictures", type=Path, default=data / "kodak", help="folder of lossless pictures")
    parser.add_argument("--anchors", type=Path, default=anchors_file(), help="JSON of published curves")
    parser.add_argument("--limit", type=int, help="only the first pictures")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, default=REPOSITORY / "build" / "curves")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    pictures = read_pictures(options.pictures, options.limit)
    peer = ANCHORS.get(options.codec)
    codec, qualities = (peer, peer.qualities) if peer else (load_codec(options.codec), options.qualities)
    result = study(codec, available(options.peers), pictures, qualities, options.anchors)
    print_study(result)
    write_study(result, pictures, options.output)


if __name__ == "__main__":
    main()
