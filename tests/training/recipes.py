# SPDX-License-Identifier: Apache-2.0
"""A recipe that trains a tiny codec in a second, and the pictures it takes."""

import numpy as np
from PIL import Image

TINY = """
seed = 3
[codec]
kind = "codec"
name = "mbt2018-mean"
N = 4
M = 6
gain_levels = 2
[data]
folders = ["pictures"]
crop = 64
batch_size = 2
[optimizer]
steps = 6
warmup_steps = 2
lr = 1e-3
"""


def write_recipe(folder, text=TINY):
    path = folder / "train.toml"
    path.write_text(text)
    return path


def write_pictures(folder):
    (folder / "pictures").mkdir()
    rows, columns = np.mgrid[:96, :96]
    for number in range(2):
        waves = np.stack([np.sin(rows / (5 + c) + columns / (9 - c + number)) for c in range(3)], -1)
        Image.fromarray((128 + 100 * waves).astype(np.uint8)).save(folder / "pictures" / f"{number}.png")
