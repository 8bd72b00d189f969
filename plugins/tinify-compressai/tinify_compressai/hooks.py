# SPDX-License-Identifier: Apache-2.0
"""What the plugin brings: a row for each component, and the command."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tinify.hookspecs import hookimpl
from tinify.registry import Component

_BEGAINT_2020 = "Begaint et al. 2020, arXiv:2011.03029"
_BALLE_2018 = "Ballé et al. 2018, arXiv:1802.01436"
_MINNEN_2018 = "Minnen et al. 2018, arXiv:1809.02736"
_CHENG_2020 = "Cheng et al. 2020, arXiv:2001.01568"
_HE_2021 = "He et al. 2021, arXiv:2103.15306"
_HE_2022 = "He et al. 2022, arXiv:2203.10886"
_KAMISLI_2024 = "Kamisli et al. 2024, arXiv:2402.18930"
_CUI_2021 = "Cui et al. 2021, arXiv:2003.02012"
_OORD_2016 = "van den Oord et al. 2016, arXiv:1606.05328"

# (kind, name behind `compressai-`, target below `tinify_compressai.`, summary, source)
_ROWS = [
    ("entropy-model", "entropy-bottleneck", "parts:entropy_bottleneck", "one learned density a channel", _BALLE_2018),
    ("entropy-model", "entropy-bottleneck-vbr", "parts:entropy_bottleneck_vbr", "bins of any width", _KAMISLI_2024),
    ("entropy-model", "gaussian-conditional", "parts:gaussian_conditional", "Gaussians of given scales", _BALLE_2018),
    ("coder", "ans", "coder:Ans", "compressai.ans itself; streams as of rans64", _BEGAINT_2020),
    ("latent-codec", "entropy-bottleneck", "parts:entropy_bottleneck_codec", "factorized prior", _BALLE_2018),
    ("latent-codec", "gaussian-conditional", "parts:gaussian_conditional_codec", "scales and means given",
     _BALLE_2018),
    ("latent-codec", "hyper", "parts:hyper", "the side information of a hyperprior", _BALLE_2018),
    ("latent-codec", "hyperprior", "parts:hyperprior", "a latent and its side information", _BALLE_2018),
    ("latent-codec", "gain-hyper", "parts:gain_hyper", "side information under given gains", _CUI_2021),
    ("latent-codec", "gain-hyperprior", "parts:gain_hyperprior", "a hyperprior under given gains", _CUI_2021),
    ("latent-codec", "checkerboard", "parts:checkerboard", "two steps of a checkerboard", _HE_2021),
    ("latent-codec", "raster-scan", "parts:raster_scan", "place after place", _OORD_2016),
    ("latent-codec", "channel-groups", "parts:channel_groups", "groups of channels, one after another",
     _HE_2022),
    ("codec", "bmshj2018-factorized", "pictures:Bmshj2018Factorized", "image; factorized prior", _BALLE_2018),
    ("codec", "bmshj2018-factorized-relu", "pictures:Bmshj2018FactorizedRelu", "image; with rectifiers", _BALLE_2018),
    ("codec", "bmshj2018-hyperprior", "pictures:Bmshj2018Hyperprior", "image; scale hyperprior", _BALLE_2018),
    ("codec", "mbt2018-mean", "pictures:Mbt2018Mean", "image; mean and scale hyperprior", _MINNEN_2018),
    ("codec", "mbt2018", "pictures:Mbt2018", "image; causal context and hyperprior", _MINNEN_2018),
    ("codec", "cheng2020-anchor", "pictures:Cheng2020Anchor", "image; residual blocks, causal context", _CHENG_2020),
    ("codec", "cheng2020-attn", "pictures:Cheng2020Attn", "image; the same with attention", _CHENG_2020),
    ("codec", "cheng2020-anchor-checkerboard", "pictures:Cheng2020AnchorCheckerboard", "image; in two steps", _HE_2021),
    ("codec", "elic2022-official", "pictures:Elic2022Official", "image; groups of channels in two steps", _HE_2022),
    ("codec", "elic2022-chandelier", "pictures:Elic2022Chandelier", "image; the same, nearest groups alone", _HE_2022),
    ("codec", "bmshj2018-hyperprior-vbr", "pictures:Bmshj2018HyperpriorVbr", "image; scale hyperprior, every rate",
     _KAMISLI_2024),
    ("codec", "mbt2018-mean-vbr", "pictures:Mbt2018MeanVbr", "image; mean and scale hyperprior, every rate",
     _KAMISLI_2024),
    ("codec", "mbt2018-vbr", "pictures:Mbt2018Vbr", "image; causal context, every rate", _KAMISLI_2024),
    ("codec", "ssf2020", "video:Ssf2020", "video; scale-space flow", "Agustsson et al. 2020, CVPR"),
    ("codec", "sfu2023-pcc-rec-pointnet", "points:Sfu2023PccRecPointnet", "points; PointNet",
     "Ulhaq, Bajić 2023, arXiv:2308.05959"),
    ("codec", "sfu2024-pcc-rec-pointnet2-ssg", "points:Sfu2024PccRecPointnet2Ssg", "points; PointNet++",
     "Ulhaq, Bajić 2024, PCS"),
    ("codec", "hrtzxf2022-pcc-rec", "points:Hrtzxf2022PccRec", "points; to build and train, no files",
     "He et al. 2022, arXiv:2204.12684"),
]  # fmt: skip


@hookimpl
def tinify_components() -> Iterator[Component]:
    for kind, name, target, summary, source in _ROWS:
        yield Component(kind, f"compressai-{name}", f"tinify_compressai.{target}", f"CompressAI; {summary}", source)


@hookimpl
def tinify_commands(cli: Any) -> None:
    from tinify_compressai.command import compressai

    cli.add_command(compressai)
