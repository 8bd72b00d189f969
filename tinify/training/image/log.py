# SPDX-License-Identifier: Apache-2.0
"""What a run says: lines of JSON, TensorBoard, and progress for who watches."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tinify.errors import MissingExtraError
from tinify.training.image.processes import Processes


class Sums:
    """Sums of the losses of some steps, on their device; part of a checkpoint, so that no step is lost."""

    def __init__(self, state: dict[str, Any] | None = None):
        self.count = state["count"] if state else 0
        self.sums: dict[str, Tensor] = dict(state["sums"]) if state else {}

    def add(self, losses: dict[str, Tensor]) -> None:
        self.count += 1
        for key, value in losses.items():
            self.sums[key] = self.sums[key].to(value.device) + value if key in self.sums else value

    def state_dict(self, among: Processes) -> dict[str, Any]:
        """Means over all processes, each of which goes on from them."""
        return {"count": self.count, "sums": self._of_all(among)}

    def means(self, among: Processes) -> dict[str, float]:
        """Over the steps and over all processes; begins anew."""
        means = {key: value.item() / self.count for key, value in self._of_all(among).items()}
        self.count, self.sums = 0, {}
        return means

    def _of_all(self, among: Processes) -> dict[str, Tensor]:
        if not self.sums:
            return {}
        return dict(zip(self.sums, among.mean(torch.stack(list(self.sums.values()))).cpu(), strict=True))


class Log:
    """Appends lines to `log.jsonl`, and to TensorBoard's files; shows progress on standard error. `with` closes it.

    A run that went on from a checkpoint loses the lines that were written after that.
    """

    def __init__(self, folder: Path, steps: int, step: int = 0, tensorboard: bool = False):
        self._path, self._board = folder / "log.jsonl", _board(folder / "tensorboard", step) if tensorboard else None
        if self._path.exists():
            self._cut(step)
        self._watch = _Bar(steps, step) if sys.stderr.isatty() else _Lines(steps)

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *exception) -> None:
        self._watch.close()
        if self._board:
            self._board.close()

    def _cut(self, step: int) -> None:
        lines = self._path.read_text("utf-8").splitlines(keepends=True)
        kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
        part = self._path.with_name("log.part")
        part.write_text("".join(kept), "utf-8")
        os.replace(part, self._path)

    def line(self, entry: dict[str, Any]) -> None:
        """`step`, and numbers or tables of numbers."""
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        for key, value in _numbers(entry) if self._board else ():
            self._board.add_scalar(key, value, entry["step"])
        self._watch.say(_text(entry))

    def at(self, step: int) -> None:
        """A step is over."""
        self._watch.at(step)

    def say(self, text: str) -> None:
        """For who watches only."""
        self._watch.say(text)


class Silence:
    """The log of all processes but the first."""

    def __enter__(self) -> Silence:
        return self

    def __exit__(self, *exception) -> None:
        pass

    def line(self, entry: dict[str, Any]) -> None:
        pass

    def at(self, step: int) -> None:
        pass

    def say(self, text: str) -> None:
        pass


class _Lines:
    def __init__(self, steps: int):
        self.steps = steps

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def at(self, step: int) -> None:
        pass

    def close(self) -> None:
        pass


class _Bar:
    def __init__(self, steps: int, step: int):
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = [
            TextColumn("train"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
        ]
        self._bar = Progress(*columns, console=Console(stderr=True), refresh_per_second=2)
        self._task = self._bar.add_task("", total=steps, completed=step)
        self._bar.start()
        self._next = 0.0

    def say(self, text: str) -> None:
        self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def at(self, step: int) -> None:
        if time.monotonic() > self._next:
            self._bar.update(self._task, completed=step)
            self._next = time.monotonic() + 0.5

    def close(self) -> None:
        self._bar.stop()


def _board(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingExtraError('--tensorboard needs TensorBoard: pip install "tinify-codec[train]"') from error
    return SummaryWriter(str(folder), purge_step=step or None)


def _numbers(entry: dict[str, Any], before: str = "") -> list[tuple[str, float]]:
    found = []
    for key, value in entry.items():
        if isinstance(value, dict):
            found += _numbers(value, f"{before}{key}/")
        elif isinstance(value, int | float) and key != "step":
            found.append((before + key, float(value)))
    return found


def _text(entry: dict[str, Any]) -> str:
    text = f"step {entry['step']:>7}"
    if "loss" in entry:
        psnr = -10 * math.log10(entry["mse_loss"]) if entry["mse_loss"] > 0 else math.inf
        text += f"  loss {entry['loss']:.4f}  {entry['bpp_loss']:.4f} bpp  {psnr:.2f} dB  aux {entry['aux']:.1f}"
        text += f"  {entry['steps_per_s']:.2f} steps/s"
        if entry["skipped"]:
            text += f"  {entry['skipped']:.1%} of steps skipped: gradients are not finite"
    elif "validation" in entry:
        rows = entry["validation"]["qualities"]
        text += f"  files: cost {entry['validation']['cost']:.4f}{' (best)' if entry['validation']['best'] else ''}  "
        text += "  ".join(f"q{quality} {row['bpp']:.3f} bpp {row['psnr']:.2f} dB" for quality, row in rows.items())
    else:
        text += "  " + "  ".join(f"{key} {value}" for key, value in entry.items() if key != "step")
    return text
