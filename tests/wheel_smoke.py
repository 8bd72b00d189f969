# SPDX-License-Identifier: Apache-2.0
"""What a person does first with an installed wheel, run by `make wheel` in an environment that has nothing else."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import tinify

TINIFY = Path(sys.executable).with_name("tinify")


def picture() -> np.ndarray:
    rows, columns = np.mgrid[0:96, 0:128]
    return np.stack([rows * 2, columns * 2, (rows + columns) % 256], axis=2).astype(np.uint8)


def series() -> np.ndarray:
    t = np.arange(2000) / 50
    return np.stack([np.sin(t), 3 + np.cos(2 * t)], axis=1).astype(np.float32)


def main() -> None:
    assert Path(tinify.__file__).is_relative_to(sys.prefix), "the wheel is not what was imported"
    for samples in (picture(), series()):
        data = tinify.compress(samples)
        restored = tinify.decompress(data)
        assert restored.shape == samples.shape and len(data) < samples.nbytes / 4, (restored.shape, len(data))
    with tempfile.TemporaryDirectory() as folder:
        source, packed, back = (Path(folder) / name for name in ("a.png", "a.tnf", "b.png"))
        Image.fromarray(picture()).save(source)
        subprocess.run([TINIFY, "compress", source, packed], check=True)
        subprocess.run([TINIFY, "verify", packed], check=True)
        subprocess.run([TINIFY, "decompress", packed, back], check=True)
        with Image.open(back) as restored:
            assert restored.size == (128, 96)
    subprocess.run([TINIFY, "doctor"], check=True)
    print("wheel: 4 passed, 0 failed")


if __name__ == "__main__":
    main()
