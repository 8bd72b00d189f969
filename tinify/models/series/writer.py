# SPDX-License-Identifier: Apache-2.0
"""A series into a file, chunk by chunk, without the whole of either in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from tinify.container import EntryWriter, pack, pack_body, with_requirements
from tinify.models.series.chunks import Chunks
from tinify.signal import Signal

if TYPE_CHECKING:
    from tinify.models.series.files import SeriesFiles


def write_series(
    codec: SeriesFiles, signal: Signal, out: BinaryIO, scratch: BinaryIO, *, chunk: int | None = None, **options: Any
) -> int:
    """Writes the bytes of `codec.pack(signal, ...)` to `out` and gives their number.

    Of `signal.samples` only rows are taken, a few chunks at a time. `scratch` is an empty binary file for the payload,
    which stands in the file after its index. `options` are those of `codec.pack_chunks`.
    """
    chunks = Chunks.of(*signal.samples.shape, chunk)
    if len(chunks) <= 1:
        whole = Signal("series", signal.samples[: chunks.rows], signal.metadata)
        return out.write(pack(with_requirements(codec.pack(whole, chunk=chunk, **options), codec)))
    writer = EntryWriter(scratch)
    for body in codec.pack_chunks(signal, chunks, **options):
        writer.add(pack_body(body.params, body.sections))
    return writer.finish(with_requirements(codec.header(signal, chunks.pack()), codec), out)
