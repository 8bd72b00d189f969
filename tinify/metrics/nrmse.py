# SPDX-License-Identifier: Apache-2.0
"""Root mean square error in units of the signal's own spread."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinify.errors import InputError
from tinify.metrics.max_error import pair


def nrmse(original: Any, restored: Any, scale: Any = None) -> float:
    """`sqrt(mean(((x - x_hat) / scale_c)^2))` over all samples of all channels.

    Arrays (T,) or (T, C). `scale` is one positive number a channel; by default the standard deviation of each channel
    of the original, so that 1.0 is what the channel's mean would give. Gaps (NaN in both) are left out; a channel
    without spread is measured in its own unit. Equal or empty series give 0. InputError where shapes or gaps differ.
    """
    x, y = pair(original, restored)
    x, y = (a[:, None] if a.ndim == 1 else a for a in (x, y))
    if x.ndim != 2:
        raise InputError(f"NRMSE of arrays of shape {x.shape}; (T,) or (T, C) is needed")
    known = ~np.isnan(x)
    if not known.any():
        return 0.0
    error = np.where(known, x - y, 0.0) / _scale(x, known, scale)
    return float(np.sqrt(np.sum(error**2) / known.sum()))


def _scale(x: np.ndarray, known: np.ndarray, scale: Any) -> np.ndarray:
    if scale is None:
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, x, 0.0).sum(axis=0) / count
        spread = np.sqrt((np.where(known, x - mean, 0.0) ** 2).sum(axis=0) / count)
        # Rounding gives a constant channel a spread of some ulps; dividing by it would blow up nothing into something.
        return np.where(spread > 1e-12 * np.abs(mean), spread, 1.0)
    given = np.asarray(scale, dtype=np.float64)
    if given.ndim > 1 or (given.ndim == 1 and len(given) != x.shape[1]) or not (given > 0).all():
        raise InputError(f"scale is {scale!r}; one positive number is needed, or one for each of {x.shape[1]} channels")
    return given
