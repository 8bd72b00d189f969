# SPDX-License-Identifier: Apache-2.0
"""A person's first plugin, run by `make wheel` in an environment that has the wheel and nothing else: written by
`tinify new-plugin`, installed, trained for ten steps, used; and what its files say once it is gone."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

TINIFY = Path(sys.executable).with_name("tinify")
NAME = "tinify-mine"
FILE, FOLDER = "0.tnf", "./mine"


def run(*command, expected: int = 0) -> str:
    """What a command says; it has to end with that exit code."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == expected, f"{command}: {done.returncode}, not {expected}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def pip(*arguments) -> None:
    run(sys.executable, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check")


def write_pictures() -> None:
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[0:96, 0:128]
    os.mkdir("pictures")
    for number in range(2):
        picture = np.stack([rows * 2, columns + number, rows * columns // 64], axis=2) + rng.integers(
            0, 9, (96, 128, 3)
        )
        Image.fromarray(picture.astype(np.uint8)).save(f"pictures/{number}.png")


def pixels(path: str) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def install_and_use() -> None:
    run(TINIFY, "new-plugin", NAME)
    pip("install", f"./{NAME}")
    assert NAME in run(TINIFY, "plugins", "--check")
    assert "mine-step" in run(TINIFY, "components", "quantizer")
    write_pictures()
    run(TINIFY, "train", f"{NAME}/recipe.toml", "--data", ".", "--run", "runs/mine", "--export", "mine")
    run(TINIFY, "compress", "pictures/0.png", FILE, "--codec", FOLDER)
    run(TINIFY, "decompress", FILE, "before.png", "--codec", FOLDER)
    assert pixels("before.png").shape == (96, 128, 3)


def read_the_error() -> None:
    pip("uninstall", "--yes", NAME)
    needed, step = f"{NAME} 0.1.0 is needed and not installed", f"`pip install {NAME}`"
    for command in (["decompress", FILE, "after.png"], ["decompress", FILE, "after.png", "--codec", FOLDER],
                    ["verify", FILE]):  # fmt: skip
        said = run(TINIFY, *command, expected=6)
        assert needed in said and step in said, said
    assert f"needs    {NAME} 0.1.0" in run(TINIFY, "inspect", FILE)
    assert not Path("after.png").exists()


def follow_it() -> None:
    pip("install", f"./{NAME}")
    run(TINIFY, "decompress", FILE, "after.png", "--codec", FOLDER)
    assert np.array_equal(pixels("after.png"), pixels("before.png"))
    pip("uninstall", "--yes", NAME)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for step in (install_and_use, read_the_error, follow_it):
            step()
        os.chdir(Path(sys.executable).parent)
    print("plugin: 3 passed, 0 failed")


if __name__ == "__main__":
    main()
