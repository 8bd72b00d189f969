# SPDX-License-Identifier: Apache-2.0
"""The tables of a study, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from tinify.evaluation.study.results import View

Cell = str | float | int | None
_SHORT = {
    "exchange_rate": "exchange",
    "household_power": "power",
    "imu_broad": "imu",
    "solar_al": "solar",
    "ecg_mitbih100": "ecg",
    "gas_ht": "gas",
    "cloudwatch": "cloud",
}


def table(head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Numbers with three significant digits; None as a dash."""
    lines = [list(head), ["---"] + ["---:"] * (len(head) - 1), *([_cell(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: Cell) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else number(value)


def number(value: float) -> str:
    """Three significant digits, thousands apart, no exponent."""
    if abs(value) >= 100:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 or not value else f"{value:.1e}"


def short(name: str) -> str:
    return _SHORT.get(name, name)


def bits(view: View, target: float) -> str:
    """Bits per value of every main codec and peer on every set, and the mean by the best peer of each set."""
    head = ["", *map(short, view.sets), "by best peer"]
    rows: list[list[Cell]] = []
    for name in [*view.codecs(), *view.peers]:
        ratios = view.ratios(name, "best peer", target)
        reached = "" if len(ratios) == len(view.sets) else f" ({len(ratios)})"
        mean = view.mean_ratio(name, "best peer", target)
        numbers = [view.bits(name, s, target) for s in view.sets]
        rows.append([view.label(name), *numbers, None if mean is None else f"{mean:.2f}{reached}"])
    return table(head, rows)


def bd_rates(view: View, anchors: Sequence[str]) -> str:
    """Mean BD-rate against each anchor, and on how many sets it is below zero."""
    rows: list[list[Cell]] = []
    for name in [*view.codecs(), *view.peers]:
        cells: list[Cell] = [view.label(name)]
        for anchor in anchors:
            found = list(view.bd_rates(name, anchor).values()) if name != anchor else []
            better = sum(value < 0 for value in found)
            mean = sum(found) / len(found) if found else 0.0
            cells.append(f"{mean:+.0f} % ({better} of {len(found)})" if found else None)
        rows.append(cells)
    return table(["", *(f"against {view.label(anchor)}" for anchor in anchors)], rows)


def rates_of_autoencoders(view: View, target: float) -> str:
    """Bits of each autoencoder's latents as fp16, as int8 and as real files."""
    rows: list[list[Cell]] = []
    for name in view.codecs(family="tcrae"):
        for proxy, label in (("/fp16", "fp16 latents"), ("/int8", "int8 latents"), ("", "real files")):
            numbers = [view.bits(name + proxy, s, target) for s in view.sets]
            rows.append([f"{view.label(name)}, {label}", *numbers])
    return table(["", *map(short, view.sets)], rows)


def costs(view: View) -> str:
    """Sizes, multiply-accumulates, memory and speed of the main codecs."""
    head = ["", "learned numbers", "weights, kB", "MACs a value: encoder", "prior", "decoder", "activations, B a value",
            "encode MB/s", "decode MB/s", "on two threads"]  # fmt: skip
    rows: list[list[Cell]] = []
    for name in view.codecs():
        names = ("encoder_macs", "prior_macs", "decoder_macs", "activation_bytes")
        weights = view.mean_of(name, "bytes")
        threads = view.of(name, view.record["study"]["speed_set"]).get("threads")
        rows.append(
            [
                view.label(name),
                _whole(view.mean_of(name, "learned")),
                _whole(None if weights is None else weights / 1000),
                *(_whole(view.mean_of(name, "costs", one)) for one in names),
                *(view.mean_of(name, "speed", f"{way}_mb_s") for way in ("encode", "decode")),
                f"{number(threads['encode_mb_s'])}, {number(threads['decode_mb_s'])}" if threads else None,
            ]
        )
    return table(head, rows)


def _whole(value: float | None) -> str | None:
    return None if value is None else f"{value:,.0f}"


def break_even(view: View, target: float) -> str:
    """Millions of values after which weights have paid for themselves."""
    rows: list[list[Cell]] = []
    for name in view.codecs():
        found = [view.break_even(name, s, target) for s in view.sets]
        reach = [view.bits(name, s, target) is not None for s in view.sets]
        cells: list[Cell] = [
            number(values / 1e6) if values else "never" if there else None
            for values, there in zip(found, reach, strict=True)
        ]
        rows.append([view.label(name), *cells])
    return table(["", *map(short, view.sets)], rows)


def forecasts(view: View) -> str:
    """Relative change of the error of a forecast, in percent, next to each target."""
    rows: list[list[Cell]] = []
    for name in view.codecs():
        for s in view.sets:
            for answer in (view.of(name, s).get("downstream") or {}).get("answers", []):
                if "tfe" in answer:
                    alone = answer.get("tfe_alone")
                    change = [100 * answer["tfe"], None if alone is None else 100 * alone]
                    cells = [answer["nrmse"], answer["bits_per_value"]]
                    rows.append([f"{view.label(name)}, {short(s)}", *cells, *(_percent(c) for c in change)])
    head = ["", "NRMSE", "bits per value", "change of the error", "windows coded alone"]
    return table(head, rows) if rows else ""


def motions(view: View) -> str:
    """Accuracy of the class of a motion from tokens beside that from raw windows, in percent."""
    rows: list[list[Cell]] = []
    for name in view.codecs():
        for s in view.sets:
            for answer in (view.of(name, s).get("downstream") or {}).get("answers", []):
                if "tokens" in answer:
                    shares = [100 * answer[key] for key in ("tokens", "raw")]
                    rows.append([view.label(name), answer["bits_per_value"], *(f"{share:.1f}" for share in shares)])
    return table(["", "bits per value", "from tokens, %", "from raw windows, %"], rows) if rows else ""


def ablation(view: View, group: str) -> str:
    """Bits of an ablation's codecs and of those they vary, at each target on its sets."""
    names = list(dict.fromkeys([*map(view.varied, view.codecs(group)), *view.codecs(group)]))
    sets = [s for s in view.sets if any(view.of(name, s) for name in view.codecs(group))]
    head = ["", *(f"{short(s)} at {target:g}" for s in sets for target in view.targets)]
    rows: list[list[Cell]] = []
    for name in names:
        rows.append([view.label(name), *(view.bits(name, s, t) for s in sets for t in view.targets)])
    return table(head, rows)


def _percent(value: float | None) -> str | None:
    return None if value is None else f"{value:+.1f} %"
