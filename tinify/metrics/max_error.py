# SPDX-License-Identifier: Apache-2.0
"""The largest error of any sample."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinify.errors import InputError
from tinify.metrics.psnr import as_array


def max_error(original: Any, restored: Any) -> float:
    """`max |x - x_hat|` in the unit of the signal; gaps (NaN in both) are left out, nothing to compare gives 0.

    InputError where shapes or gaps differ.
    """
    x, y = pair(original, restored)
    error = np.abs(x - y)
    return float(np.max(error, initial=0.0, where=~np.isnan(error)))


def pair(original: Any, restored: Any) -> tuple[np.ndarray, np.ndarray]:
    """Both as float64 arrays of one shape whose gaps agree."""
    x, y = (as_array(values).astype(np.float64) for values in (original, restored))
    if x.shape != y.shape or x.ndim == 0:
        raise InputError(f"shapes {x.shape} and {y.shape} cannot be compared; two equal ones are needed")
    differing = int(np.sum(np.isnan(x) != np.isnan(y)))
    if differing:
        raise InputError(f"{differing} samples are gaps (NaN) in one of the two series only")
    return x, y
