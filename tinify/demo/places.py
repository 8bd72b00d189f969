# SPDX-License-Identifier: Apache-2.0
"""Where the bits of a file went: by part of the file, by kind of number, and by place in a picture.

wavelet codecs      symbols, and what each costs under its table    kind: colour, size of detail;   place: yes
codecs with priors  likelihoods of the latents                      kind: latent;                   place: yes
series              each channel in a file of its own               kind: channel
any                 sections of the file
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinify import container
from tinify.demo.shelf import Given

BLOCK = 16  # pixels
MOST_CHANNELS = 12
_COLOURS = ("brightness", "blue to yellow", "green to red")
_TABLES = "photo-fast"


@dataclass(frozen=True)
class Share:
    """How many bytes went where: rows of (name, bytes), and what is to be said about them."""

    title: str
    rows: tuple[tuple[str, float], ...]
    note: str = ""


@dataclass(frozen=True)
class Places:
    """`bits` (rows, columns) are those of the blocks of BLOCK pixels; None where they are not known."""

    shares: tuple[Share, ...]
    bits: np.ndarray | None = None


def places_of(data: bytes, codec: Any, given: Given, compress: Callable[[np.ndarray], bytes]) -> Places:
    """Of a file that `codec` made; `compress` codes a part of the series in the same way."""
    from tinify.models.image.base import ImageCodec
    from tinify.models.image.wavelet import WaveletCodec

    if given.signal.modality == "series":
        return Places((*_channels(given, compress), _sections(data)))
    file = container.unpack(data)
    if isinstance(codec, WaveletCodec):
        found = _of_wavelet(file, codec)
    elif isinstance(codec, ImageCodec):
        found = _of_latents(file, codec, given)
    else:
        found = Places(())
    return Places((*found.shares, _sections(data)), found.bits)


def _sections(data: bytes) -> Share:
    described = container.inspect(data)
    rows = []
    for section in described["sections"]:
        entries = section.get("entries")
        inside = f" ({', '.join(entries)})" if isinstance(entries, dict) else ""
        rows.append((section["name"] + inside, float(section["bytes"])))
    return Share("Parts of the file", (*rows, ("header and checks", float(described["overhead_bytes"]))))


def _channels(given: Given, compress: Callable[[np.ndarray], bytes]) -> list[Share]:
    samples = given.signal.samples
    if not 1 < samples.shape[1] <= MOST_CHANNELS:
        return []
    rows = [(name, float(len(compress(samples[:, [number]])))) for number, name in enumerate(given.names)]
    note = "Each channel compressed alone, as a file of its own: together they are smaller, or larger, than that."
    return [Share("Channels", tuple(rows), note)]


def _of_wavelet(file: container.TnfFile, codec: Any) -> Places:
    """Every number under the table that it chose; context mixing has none, and then tables of another codec count."""
    import torch

    from tinify import api

    strings = [stream[0] for stream in container.unpack_strings(file.require(container.PAYLOAD))]
    height, width = file.shape[:2]
    q = codec.decode(strings, (3, height, width))
    own = hasattr(codec, "latent_codec")
    tables = (codec if own else api.load(_TABLES)).latent_codec
    rows = torch.from_numpy(tables.rows([q])[0])
    bits = tables.table_bits().of(torch.from_numpy(q), rows).numpy().astype(np.float64)
    sizes = tables.schedule.sizes(height, width)
    if len(sizes) != codec.levels + 1:
        return Places(())
    low = sizes[-1]
    bits[:, : low[0], : low[1]] = 0  # what is coded otherwise, and is the rest of the stream
    total = 8.0 * sum(map(len, strings))
    if own:
        bits[:, : low[0], : low[1]] = max(total - bits.sum(), 0) / (3 * low[0] * low[1])
    else:  # a whole number takes about twice its binary digits, and what is smooth is predicted from beside
        steps = np.diff(q[:, : low[0], : low[1]], axis=2, prepend=0)
        bits[:, : low[0], : low[1]] = 1 + 2 * np.log2(1 + np.abs(steps.astype(np.float64)))
        bits *= total / max(bits.sum(), 1e-9)
    note = "" if own else f"Estimated with the tables of {_TABLES}; this codec mixes its predictions bit by bit."
    return Places(_shares_of_subbands(bits, sizes, note), _blocks_of_subbands(bits, sizes))


def _shares_of_subbands(bits: np.ndarray, sizes: list[tuple[int, int]], note: str) -> tuple[Share, Share]:
    within = [bits[:, :rows, :columns].sum() / 8 for rows, columns in sizes]
    detail = [(f"{1 << level} to {2 << level} pixels", within[level] - within[level + 1])
              for level in range(len(sizes) - 1)]  # fmt: skip
    detail.append(("larger", within[-1]))
    colours = [(name, bits[number].sum() / 8) for number, name in enumerate(_COLOURS)]
    return Share("Size of details", tuple(detail), note), Share("Colours", tuple(colours), note)


def _blocks_of_subbands(bits: np.ndarray, sizes: list[tuple[int, int]]) -> np.ndarray:
    plane, size = bits.sum(axis=0), sizes[0]
    low = plane[: sizes[-1][0], : sizes[-1][1]]
    blocks = blocks_of(low, 1 << (len(sizes) - 1), size)
    for level in range(len(sizes) - 1):
        (rows, columns), (below, beside) = sizes[level], sizes[level + 1]
        for part in (plane[:below, beside:columns], plane[below:rows, :beside], plane[below:rows, beside:columns]):
            blocks += blocks_of(part, 2 << level, size)
    return blocks


def blocks_of(bits: np.ndarray, cell: int, size: tuple[int, int]) -> np.ndarray:
    """Bits (rows, columns) of cells of `cell` pixels (a power of two), as those of the blocks of a picture."""
    out = np.zeros([-(-length // BLOCK) for length in size])
    if cell > BLOCK:
        more = cell // BLOCK
        bits = np.repeat(np.repeat(bits / more**2, more, axis=0), more, axis=1)
        cell = BLOCK
    row, column = (np.minimum(np.arange(n) * cell // BLOCK, m - 1) for n, m in zip(bits.shape, out.shape, strict=True))
    np.add.at(out, (row[:, None], column[None, :]), bits)
    return out


def _of_latents(file: container.TnfFile, codec: Any, given: Given) -> Places:
    """The likelihoods of what the encoder codes, scaled to what it wrote."""
    import torch

    from tinify.models.image.samples import to_tensor
    from tinify.ops import pad_to_multiple

    height, width = file.shape[:2]
    x = pad_to_multiple(to_tensor(given.signal.samples), codec.downsampling_factor)
    level = int.from_bytes(file.params[:2], "little") / 256 if codec.has_levels else None
    with torch.no_grad():
        likelihoods = codec.forward(x, level).likelihoods
    bits = {name: -torch.log2(p[0]).sum(dim=0).double().numpy() for name, p in likelihoods.items() if p.ndim == 4}
    if not bits:
        return Places(())
    written = 8.0 * sum(len(s) for stream in container.unpack_strings(file.require(container.PAYLOAD)) for s in stream)
    scale = written / max(sum(float(plane.sum()) for plane in bits.values()), 1e-9)
    cells = [(scale * plane, x.shape[2] // plane.shape[0]) for plane in bits.values()]
    blocks = np.sum([blocks_of(plane, cell, (height, width)) for plane, cell in cells], axis=0)
    titles = {"y": "the picture's numbers (y)", "z": "what says how spread they are (z)"}
    rows = tuple((titles.get(name, name), scale * float(plane.sum()) / 8) for name, plane in bits.items())
    return Places((Share("Latents", rows, "By the model's likelihoods, scaled to the bytes written."),), blocks)
