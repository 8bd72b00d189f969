# SPDX-License-Identifier: Apache-2.0
"""`--max-error 0.01`, `1%`, `0.1s`"""

from __future__ import annotations

import math
from typing import Any

import click

# What an ending stands for, and what one of it is worth.
_ENDINGS = {"%": ("range", 0.01), "sigma": ("sigma", 1.0), "s": ("sigma", 1.0), "": ("absolute", 1.0)}


class MaxError(click.ParamType):
    """A number, absolute, in percent of each channel's range, or in standard deviations: `(value, of)`."""

    name = "E"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, str]:
        if isinstance(value, tuple):
            return value
        text = value.strip().lower()
        ending = next(ending for ending in _ENDINGS if text.endswith(ending))
        of, worth = _ENDINGS[ending]
        try:
            number = float(text.removesuffix(ending)) * worth
        except ValueError:
            number = math.nan
        if not (math.isfinite(number) and number >= 0):
            self.fail(f"{value!r} is no error bound; allowed: 0.01, 1% (of the range), 0.1s (of sigma)", param, ctx)
        return number, of
