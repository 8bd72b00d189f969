# SPDX-License-Identifier: Apache-2.0
"""Pictures that are made, not loaded."""

import numpy as np


def scene(height=120, width=160, seed=0) -> np.ndarray:
    """Smooth shades, edges and a little noise in colour, uint8 (H, W, 3)."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / 20
    base = 110 + 60 * np.sin(x + np.cos(y)) + 50 * (np.hypot(x - 3, y - 3) < 1.5) - 40 * (x + y > 8)
    colour = np.stack([base, 0.8 * base + 20, 0.5 * base + 10 * np.sin(3 * y)], axis=-1)
    return np.clip(colour + 2 * random.normal(size=colour.shape), 0, 255).astype(np.uint8)
