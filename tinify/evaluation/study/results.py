# SPDX-License-Identifier: Apache-2.0
"""The results of a study as one record, and the numbers that tables, figures and text take from it.

{"about", "study": {title, sets, minutes, targets, ...}, "peers": {set: {name: points}},
 "codecs": {name: {"label", "group", "family", "sets": {set: {"points", "learned", "bytes", "speed", ...}}}}}
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinify.evaluation.series_curves import (
    at_targets,
    curve_of,
    geometric_mean,
    peer_curves,
    rate_difference,
    useful,
)
from tinify.evaluation.study.config import Study
from tinify.evaluation.study.jobs import phases

CLASSICAL = "classical_rd.json"


def collect(study: Study, data: Path, runs: Path, about: dict[str, Any]) -> dict[str, Any]:
    """Whatever results there are in `runs`."""
    codecs: dict[str, Any] = {}
    for job in (job for jobs in phases(study, data, runs) for job in jobs if job.result.is_file()):
        entry, found = job.entry, json.loads(job.result.read_text("utf-8"))
        head = {"label": entry.label, "group": entry.group, "family": entry.family, "varies": entry.varies, "sets": {}}
        place = codecs.setdefault(entry.name, head)["sets"].setdefault(job.set_name, {})
        place.update(found if job.kind == "curve" else {job.kind: found})
    order = [entry.name for entry in study.codecs if entry.name in codecs]
    known = {"title": study.title, "sets": study.sets, "minutes": study.minutes, "targets": study.targets}
    more = {"prior_share": study.prior_share, "speed_set": study.speed_set}
    ordered = {name: codecs[name] for name in order}
    return {"about": about, "study": {**known, **more}, "peers": _peers(study, data), "codecs": ordered}


def _peers(study: Study, data: Path) -> dict[str, Any]:
    file = data / study.folder / CLASSICAL
    measured = json.loads(file.read_text("utf-8"))["sets"] if file.is_file() else {}
    found = {}
    for name in study.sets:
        curves = peer_curves(measured.get(name, {}))
        # Of a peer with variants, the best of them at each rate.
        found[name] = {peer: useful([p for curve in several for p in curve]) for peer, several in curves.items()}
    return found


@dataclass(frozen=True)
class View:
    """Numbers of a record, by the name of a codec or peer and of a set. None: not measured, or not reached."""

    record: dict[str, Any]

    @property
    def sets(self) -> list[str]:
        return self.record["study"]["sets"]

    @property
    def targets(self) -> list[float]:
        return self.record["study"]["targets"]

    @property
    def peers(self) -> list[str]:
        return list(dict.fromkeys(peer for found in self.record["peers"].values() for peer, p in found.items() if p))

    def codecs(self, group: str = "main", family: str = "") -> list[str]:
        entries = self.record["codecs"].items()
        return [name for name, e in entries if e["group"] == group and family in ("", e["family"])]

    def groups(self) -> list[str]:
        return list(dict.fromkeys(e["group"] for e in self.record["codecs"].values() if e["group"] != "main"))

    def label(self, name: str) -> str:
        return self.record["codecs"][name]["label"] if name in self.record["codecs"] else name

    def varied(self, name: str) -> str:
        """The codec that one of an ablation varies."""
        return self.record["codecs"][name]["varies"]

    def of(self, name: str, set_name: str) -> dict[str, Any]:
        return self.record["codecs"].get(name, {"sets": {}})["sets"].get(set_name, {})

    def points(self, name: str, set_name: str) -> list[tuple[float, float]]:
        """(bits per value, NRMSE) of a codec, of a peer, or of "NAME/fp16" and "NAME/int8"."""
        if name in self.record["peers"].get(set_name, {}):
            return [(bits, nrmse) for bits, nrmse in self.record["peers"][set_name][name]]
        codec, _, proxy = name.partition("/")
        found = self.of(codec, set_name)
        return curve_of((found.get("proxies") or {}).get(proxy, []) if proxy else found.get("points", []))

    def bits(self, name: str, set_name: str, target: float) -> float | None:
        points = self.points(name, set_name)
        return at_targets(points, [target])[0] if points else None

    def best_peer(self, set_name: str, target: float) -> tuple[str, float] | None:
        found = [(self.bits(peer, set_name, target), peer) for peer in self.peers]
        least = min(((bits, peer) for bits, peer in found if bits is not None), default=None)
        return None if least is None else (least[1], least[0])

    def ratios(self, name: str, other: str, target: float) -> dict[str, float]:
        """Bits of `name` by bits of `other` on each set that both reach; `other` "best peer" is the best of each."""
        found = {}
        for set_name in self.sets:
            mine = self.bits(name, set_name, target)
            best = self.best_peer(set_name, target) if other == "best peer" else None
            theirs = best[1] if best else self.bits(other, set_name, target)
            if mine is not None and theirs is not None:
                found[set_name] = mine / theirs
        return found

    def mean_ratio(self, name: str, other: str, target: float) -> float | None:
        """Geometric mean of `ratios`; None without any."""
        return geometric_mean(list(self.ratios(name, other, target).values()))

    def bd_rates(self, name: str, other: str) -> dict[str, float]:
        """BD-rate of `name` against `other`, percent, on each set where the curves share a range."""
        found = {}
        for set_name in self.sets:
            mine, theirs = self.points(name, set_name), self.points(other, set_name)
            difference = rate_difference(theirs, mine) if mine and theirs else None
            if difference is not None:
                found[set_name] = difference
        return found

    def mean_of(self, name: str, *path: str) -> float | None:
        """Geometric mean over the sets of a measured number, e.g. `mean_of(codec, "speed", "decode_mb_s")`."""
        numbers = []
        for set_name in self.sets:
            value: Any = self.of(name, set_name)
            for key in path:
                value = (value or {}).get(key)
            if value:
                numbers.append(float(value))
        return geometric_mean(numbers)

    def break_even(self, name: str, set_name: str, target: float) -> float | None:
        """Values after which the saved bits have paid for the weights; None where nothing is saved."""
        mine, best = self.bits(name, set_name, target), self.best_peer(set_name, target)
        if mine is None or best is None or mine >= best[1]:
            return None
        return 8 * self.of(name, set_name)["bytes"] / (best[1] - mine)
