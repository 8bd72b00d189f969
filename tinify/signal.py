# SPDX-License-Identifier: Apache-2.0
"""What a file holds once it is read: samples, and what has to survive beside them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

# Of the dtypes that a picture's samples may have: the largest value.
PEAKS = {"uint8": 255, "uint16": 65535, "float32": 1}


@dataclass(frozen=True)
class Signal:
    """Samples of one modality with the metadata that must come back with them.

    image:  samples (H, W, C), C = 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha; uint8, uint16, or float32 in [0, 1]
    series: samples (T, C); any integer or floating dtype; NaN marks a gap

    `metadata` maps a name (at most 32 ASCII characters) to bytes, kept as they are: "icc" (colour profile),
    "csv" (header, dialect and non-numeric columns), "time" (encoded time column). A codec does not look inside.
    """

    modality: str
    samples: np.ndarray
    metadata: dict[str, bytes] = field(default_factory=dict)
