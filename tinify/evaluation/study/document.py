# SPDX-License-Identifier: Apache-2.0
"""The document of a study: every number and every verdict in it comes from the record."""

from __future__ import annotations

from typing import Any

from tinify.evaluation.study import answers, tables
from tinify.evaluation.study.results import View

_QUESTION = """\
Does a discrete codec, tokens of patches under a learned prior, beat a continuous one, a temporal convolutional
recurrent autoencoder (TCRAE), in bits, quality and cost? And is either good enough to be taken instead of SZ3, a
uniform grid with pcodec, or a block DCT with trained histograms?"""

_PROTOCOL = """\
- **Data.** {count} public sets, split in time: 70 % train, 10 % validation, 20 % test. Codecs are trained on the train
  split of one set and measured on its test split; what is called general has one set of weights, for all sets.
- **Windows and scales.** All learn from windows of single channels in units of the train split's deviation; tokenizers
  and TCRAE-seq from 512 samples, the vector TCRAE from its own shorter windows. Files get the same unit of error.
- **Budget.** {minutes:g} minutes of processor time on one thread for each learned codec and set, priors included (a
  learned prior takes {share:.0%} of it). Codecs that learn by counting or by coding take what they take. RVQ tokenizer
  and TCRAE have the same number of learned numbers within 10 %.
- **Rate.** Bytes of whole `.tnf` files, headers and all, * 8 / values. Weights are not counted; the break-even length
  says how long a series must be before the saved bits have paid for them, against the best peer of the set. Rates of
  SZ3 and pcodec are real bytes, too; those of the trained DCT are cross-entropies, an ideal coder's.
- **Distortion.** NRMSE: root mean square error in deviations of the train split. Bits at a given NRMSE are interpolated
  between measured points, logarithms over logarithms; a dash means that the curve does not get there, and beyond its
  coarsest point a curve counts with that point's bits.
- **TCRAE three ways.** As fp16 latents, as int8 latents (both are sums, no files), and quantized, entropy coded, as
  real files (EC). Only the last is in the main tables.
- **Cost.** MB of float32 a second, median of three: on one thread by processor time, on two by the clock on the wall.
  Multiply-accumulates are counted in matrix products and convolutions."""

_LIMITS = """\
- The budget is minutes of one processor thread. Larger networks and longer training would move every learned curve,
  most of all those that learn a transform from nothing; nothing here says where they would end.
- One seed. Differences of a few per cent are not to be trusted.
- Speeds were taken with nothing else of the study beside, but on a shared machine. SZ3 and the trained DCT were
  measured elsewhere and have no speed here.
- The test splits are short ({least:,} to {most:,} values), so headers weigh as they do in short files.
- Forecasts are by ridge regression, and files of whole series know the future of a window; "windows coded alone" is
  without that.
- The vector TCRAE follows the publication; its training for a rate does not (there is none in it)."""


_TABLE = """\
Bits per value at NRMSE {target:g}. Last column: geometric mean of the ratios to the best peer of each set, with the
number of sets in brackets where not all are reached."""


def write(record: dict[str, Any], name: str, source: str) -> str:
    """Markdown; figures are NAME-curves.png and NAME-speed.png beside it. `source` is the study's file."""
    view, study = View(record), record["study"]
    middle = study["targets"][len(study["targets"]) // 2]
    parts = [f"# {study['title']}", _QUESTION, "## Answers", *_answers(view)]
    protocol = _PROTOCOL.format(count=len(view.sets), minutes=study["minutes"], share=study["prior_share"])
    parts += ["## Protocol", protocol, "## Bits"]
    for target in study["targets"]:
        parts += [_TABLE.format(target=target), tables.bits(view, target)]
    parts += [f"![Rate-distortion curves]({name}-curves.png)"]
    anchors = [a for a in ("SZ3", "trained DCT", "tcrae-seq") if a in [*view.codecs(), *view.peers]]
    if anchors:
        parts += ["Mean BD-rate (over -20 log10 NRMSE), and the number of sets with fewer bits:",
                  tables.bd_rates(view, anchors)]  # fmt: skip
    if view.codecs(family="tcrae"):
        parts += [
            f"## TCRAE three ways\n\nBits per value at NRMSE {middle:g}:",
            tables.rates_of_autoencoders(view, middle),
        ]
    parts += ["## Cost", tables.costs(view), f"![Speed over bits]({name}-speed.png)",
              f"Break-even length in millions of values, at NRMSE {middle:g}:",
              tables.break_even(view, middle)]  # fmt: skip
    parts += _downstream(view)
    parts += _ablations(view)
    values = [view.of(c, s)["values"] for c in view.codecs() for s in view.sets if "values" in view.of(c, s)]
    parts += ["## Limits", _LIMITS.format(least=min(values, default=0), most=max(values, default=0))]
    parts += ["## To make it again", _again(record, name, source)]
    return "\n\n".join(parts) + "\n"


def _answers(view: View) -> list[str]:
    blocks = [
        ("**Tokens or a continuous latent?**", answers.tokens_against_autoencoders(view)),
        ("**Against what people use.**", answers.against_peers(view)),
        ("**The fewest bits of all.**", answers.winners(view)),
        ("**Speed.**", answers.speeds(view)),
        ("**What entropy coding is worth to an autoencoder.**", answers.precision_of_latents(view)),
    ]
    return [head + "\n\n" + "\n".join(f"- {line}" for line in lines) for head, lines in blocks if lines]


def _downstream(view: View) -> list[str]:
    forecasts, motions = tables.forecasts(view), tables.motions(view)
    parts = ["## What the series is still good for"] if forecasts or motions else []
    if forecasts:
        parts += [
            "Change of the error of forecasts (96 samples to 24) from decoded samples, against raw targets:",
            forecasts,
        ]
    if motions:
        parts += ["Class of a motion (four classes, windows in motion, logistic regression):", motions]
    return parts


def _ablations(view: View) -> list[str]:
    parts = ["## Ablations"] if view.groups() else []
    for group in view.groups():
        lines = answers.ablation(view, group)
        parts += [f"### {group.capitalize()}", tables.ablation(view, group)]
        parts += ["\n".join(f"- {line}" for line in lines)] if lines else []
    return parts


def _again(record: dict[str, Any], name: str, source: str) -> str:
    about = record["about"]
    versions = ", ".join(f"{key} {value}" for key, value in about["versions"].items())
    return (
        f"`make study-series` (needs the data sets, see `TINIFY_DATA`) reads `{source}`, keeps weights and results in "
        f"`runs/`, goes on where it was cut off, and writes this page and `{name}.json`, from which all numbers here "
        f"come. {about['machine']}; {versions}."
    )
