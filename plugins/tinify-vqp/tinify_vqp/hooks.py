# SPDX-License-Identifier: Apache-2.0
"""What the plugin brings: a row for each quantizer."""

from tinify.hookspecs import hookimpl
from tinify.registry import Component

# name -> (attribute of tinify_vqp.single or .residual, summary, source)
_SINGLE = {
    "vqp-vq": ("Vq", "nearest code; moving averages, k-means", "van den Oord et al. 2017, arXiv:1711.00937"),
    "vqp-simvq": ("SimVq", "codes are a learned map of frozen ones", "Zhu et al. 2024, arXiv:2411.02038"),
    "vqp-fsq": ("Fsq", "a few numbers on a few levels", "Mentzer et al. 2023, arXiv:2309.15505"),
    "vqp-lfq": ("Lfq", "signs are the bits of a token", "Yu et al. 2023, arXiv:2310.05737"),
}
_RESIDUAL = {
    "vqp-residual-vq": ("ResidualVq", "stages of vqp-vq", "Zeghidour et al. 2021, arXiv:2107.03312"),
    "vqp-residual-simvq": ("ResidualSimVq", "stages of vqp-simvq", "Zhu et al. 2024, arXiv:2411.02038"),
    "vqp-residual-fsq": ("ResidualFsq", "stages of finer levels", "Mentzer et al. 2023, arXiv:2309.15505"),
    "vqp-residual-lfq": ("ResidualLfq", "stages of finer signs", "Yu et al. 2023, arXiv:2310.05737"),
}


@hookimpl
def tinify_components():
    for module, rows in (("single", _SINGLE), ("residual", _RESIDUAL)):
        for name, (attribute, summary, source) in rows.items():
            yield Component("quantizer", name, f"tinify_vqp.{module}:{attribute}", f"{summary}; of v-q-p", source)
