# SPDX-License-Identifier: Apache-2.0
"""Sentences that follow from the numbers of a study, whichever way they fall."""

from __future__ import annotations

from collections.abc import Iterable

from tinify.evaluation.series_curves import geometric_mean
from tinify.evaluation.study.results import View
from tinify.evaluation.study.tables import number, short

_EVEN = 0.02  # ratios this near to 1 are called even


def best_of(view: View, names: Iterable[str], target: float) -> str | None:
    """The codec with the least bits by the best peer, among those that reach the target on most sets."""
    found = [(-len(view.ratios(n, "best peer", target)), view.mean_ratio(n, "best peer", target), n) for n in names]
    reached = [(sets, mean, name) for sets, mean, name in found if mean is not None]
    return min(reached)[2] if reached else None


def compared(view: View, name: str, other: str, target: float) -> str:
    """How the bits of two codecs stand to one another at a target, over the sets that both reach."""
    ratios = view.ratios(name, other, target)
    who, whom = view.label(name), "the best peer of each set" if other == "best peer" else view.label(other)
    if not ratios:
        return f"At NRMSE {target:g} {who} and {whom} share no set."
    mean, better = view.mean_ratio(name, other, target), [short(s) for s, ratio in ratios.items() if ratio < 1]
    assert mean is not None
    verdict = f"takes {_times(mean)} the bits of {whom}"
    where = f"geometric mean over the {_sets(len(ratios))} that both reach"
    if not better:
        wins = "fewer on none"
    elif len(better) == len(ratios):
        wins = "fewer on every one"
    else:
        wins = f"fewer on {len(better)} of them: {', '.join(better)}"
    return f"At NRMSE {target:g} {who} {verdict} ({where}; {wins})."


def tokens_against_autoencoders(view: View) -> list[str]:
    """The question of the study, at each target."""
    tokenizers, autoencoders = view.codecs(family="tokenizer"), view.codecs(family="tcrae")
    found = []
    for target in view.targets:
        best, other = best_of(view, tokenizers, target), best_of(view, autoencoders, target)
        if best is None or other is None:
            missing = "tokenizer" if best is None else "autoencoder"
            found.append(f"At NRMSE {target:g} no {missing} of this study gets that fine on any set.")
            continue
        found.append(compared(view, best, other, target))
    return found


def against_peers(view: View) -> list[str]:
    """Every main codec against the best peer of each set, at the middle target."""
    target = view.targets[len(view.targets) // 2]
    return [compared(view, name, "best peer", target) for name in view.codecs()]


def winners(view: View) -> list[str]:
    """Who takes the fewest bits of all, set by set."""
    found = []
    for target in view.targets:
        best: dict[str, list[str]] = {}
        for s in view.sets:
            entries = [(view.bits(n, s, target), n) for n in [*view.codecs(), *view.peers]]
            known = [(bits, name) for bits, name in entries if bits is not None]
            if known:
                best.setdefault(view.label(min(known)[1]), []).append(short(s))
        told = "; ".join(f"{label} on {len(sets)} ({', '.join(sets)})" for label, sets in best.items())
        found.append(f"Fewest bits at NRMSE {target:g}: {told}.")
    return found


def speeds(view: View) -> list[str]:
    """The fastest tokenizer and the fastest autoencoder, and how the speeds of the two stand."""
    tokenizers, autoencoders = view.codecs(family="tokenizer"), view.codecs(family="tcrae")
    target = view.targets[len(view.targets) // 2]
    chosen = [best_of(view, names, target) for names in (tokenizers, autoencoders)]
    if None in chosen:
        return []
    ways = {way: [view.mean_of(str(n), "speed", f"{way}_mb_s") for n in chosen] for way in ("encode", "decode")}
    if any(value is None for pair in ways.values() for value in pair):
        return []
    told = " and ".join(
        f"{way}s {number(pair[0] or 0)} MB/s against {number(pair[1] or 0)} "
        f"({_times((pair[0] or 0) / (pair[1] or 1))} the speed)"
        for way, pair in ways.items()
    )
    first, second = (view.label(str(n)) for n in chosen)
    return [f"On one thread {first}, the tokenizer with the fewest bits at NRMSE {target:g}, {told} of {second}."]


def precision_of_latents(view: View) -> list[str]:
    """What entropy coding is worth to an autoencoder."""
    target, found = view.targets[len(view.targets) // 2], []
    for name in view.codecs(family="tcrae"):
        for proxy in ("fp16", "int8"):
            ratios = view.ratios(f"{name}/{proxy}", name, target)
            mean = geometric_mean(list(ratios.values()))
            if mean is not None:
                found.append(
                    f"{view.label(name)} as {proxy} latents would be reported with {number(mean)} times the bits of "
                    f"its real files at NRMSE {target:g} (over the {_sets(len(ratios))} where both get there)."
                )
    return found


def ablation(view: View, group: str) -> list[str]:
    """Each variant against the codec that it varies, over the ablation's sets, at each target."""
    found = []
    for name in view.codecs(group):
        baseline = view.varied(name)
        told = []
        for target in view.targets:
            ratios = view.ratios(name, baseline, target)
            mean = geometric_mean(list(ratios.values()))
            told.append(f"{'not reached' if mean is None else _percent(mean)} at {target:g}")
        found.append(f"{view.label(name)} instead of {view.label(baseline)}: {', '.join(told)}.")
    return found


def _percent(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.0f} % bits"


def _times(ratio: float) -> str:
    return "about" if abs(ratio - 1) < _EVEN else f"{number(ratio)} times"


def _sets(count: int) -> str:
    return "set" if count == 1 else f"{count} sets"
