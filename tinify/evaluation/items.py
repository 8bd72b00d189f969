# SPDX-License-Identifier: Apache-2.0
"""What codecs are measured on: pictures and series in files, or the split of a collection of series."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinify import api, media
from tinify.errors import InputError

INDEX = "index.json"
KINDS = {"image": "a picture", "series": "a series"}


@dataclass(frozen=True)
class Item:
    """One signal: of a whole file, or a piece (T, C) of a split of the set that `name` begins with."""

    name: str
    path: Path
    modality: str
    split: str = ""
    piece: int = 0

    def read(self) -> np.ndarray:
        """Samples as in `Signal`; a piece as float32."""
        if not self.split:
            return np.asarray(api.to_signal(self.path).samples)
        from tinify.data.series import read_series_sets

        (found,) = read_series_sets(self.path.parent, self.split, [self.name.partition("#")[0]])
        return found.pieces[self.piece].astype(np.float32)

    def about(self, samples: np.ndarray) -> dict[str, Any]:
        """What a report says of it."""
        digest = hashlib.sha256(media.read_bytes(self.path)).hexdigest()
        split = {"split": self.split} if self.split else {}
        return {"modality": self.modality, "shape": list(samples.shape), "dtype": samples.dtype.name,
                "bytes": self.path.stat().st_size, "sha256": digest, **split}  # fmt: skip


def find_items(sources: Sequence[Path], split: str | None = None, limit: int | None = None) -> list[Item]:
    """Items of files, each named by its file; with `split`, of the one folder whose index.json lists sets of series.

    InputError when a file is missing or of an unknown kind, or two have one name.
    """
    if split is not None:
        return _of_split(sources, split)[:limit]
    items = [Item(path.name, path, _modality(path)) for path in sources[:limit]]
    names = [item.name for item in items]
    if len(set(names)) < len(names):
        items = [Item(os.path.join(*item.path.parts[-2:]), item.path, item.modality) for item in items]
    return items


def _modality(path: Path) -> str:
    if not path.is_file():
        raise InputError(f"{path} is missing; --data takes a folder, files or a pattern such as 'photos/*.png'")
    if media.open_pixels(path) is not None:
        return "image"
    for kind in media.formats():
        if path.suffix.lower() in kind.extensions:
            return kind.modality
    raise InputError(f"{path} is of no kind that tinify reads")


def _of_split(sources: Sequence[Path], split: str) -> list[Item]:
    folder = sources[0] if sources else Path()
    if len(sources) != 1 or not (folder / INDEX).is_file():
        raise InputError(f"--split needs one folder with {INDEX}, which says where the splits of its sets are")
    from tinify.data.series import read_series_sets

    index = json.loads((folder / INDEX).read_text("utf-8"))
    known = {name for entry in index.values() if isinstance(entry, dict) for name in entry.get("split", ())}
    if split not in known:
        raise InputError(f"no split {split!r} in {folder / INDEX}; known: {', '.join(sorted(known))}")
    items = []
    for found in read_series_sets(folder, split):
        path, several = folder / index[found.name]["file"], len(found.pieces) > 1
        for number in range(len(found.pieces)):
            name = f"{found.name}#{number}" if several else found.name
            items.append(Item(name, path, "series", split, number))
    return items
