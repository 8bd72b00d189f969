# SPDX-License-Identifier: Apache-2.0
"""What the plugin brings: a row for each coder."""

from tinify.hookspecs import hookimpl
from tinify.registry import Component

_SOURCE = "Bamler 2022, arXiv:2201.01741"
_PLACE = "tinify_constriction.coders"


@hookimpl
def tinify_components():
    yield Component("coder", "constriction-range", f"{_PLACE}:Range", "constriction's range coder", _SOURCE)
    yield Component("coder", "constriction-ans", f"{_PLACE}:Ans", "constriction's ANS coder", _SOURCE)
