# SPDX-License-Identifier: Apache-2.0
"""At what a codec is measured: a quality, or a bound on the error of every sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_WRITTEN = {"absolute": "{:g}", "range": "{:g}%", "sigma": "{:g}s"}


@dataclass(frozen=True)
class Bound:
    """No sample comes back further off than `value`, of the unit that `tinify.compress(max_error_of=...)` names; 0 asks
    for every bit."""

    value: float
    of: str = "absolute"

    def __str__(self) -> str:
        """As `--max-error` takes it: 0.5, 1% of the range, 0.1s (sigma)."""
        return _WRITTEN[self.of].format(100 * self.value if self.of == "range" else self.value)


Setting = float | Bound
LOSSLESS = Bound(0.0)


def as_options(setting: Setting) -> dict[str, Any]:
    """As `tinify.compress` takes it."""
    if not isinstance(setting, Bound):
        return {"quality": setting}
    return {"lossless": True} if setting == LOSSLESS else {"max_error": setting.value, "max_error_of": setting.of}
