# SPDX-License-Identifier: Apache-2.0
"""Contract checks that every component passes, core's and plugins' alike.

    from tinify.testing import check_quantizer

    def test_my_quantizer_keeps_the_contract():
        check_quantizer(MyQuantizer(), torch.randn(2, 8, 16))

A check calls the component as tinify does and raises ContractError, which names what was expected and what came.
The checks are deterministic and take well under a second for small components.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from tinify.errors import TinifyError
from tinify.signal import Signal

TOTAL = 1 << 16
_INDEX_TYPES = (np.uint8, np.int16, np.int32)


class ContractError(AssertionError):
    """A component does not do what its kind promises."""


def check_coder(coder: Any) -> None:
    """`tables`, `encode`, `decode`, `encoder`, `decoder` of kind "coder" (see tinify/coders/base.py).

    Round trips of any shape and index type, escapes, the extremes of int32, nothing at all, tables of one symbol,
    streams in pieces; damaged bytes give a TinifyError or symbols of the right shape, never another exception.
    """
    cdfs, lengths, offsets = example_tables()
    tables = coder.tables(cdfs, lengths, offsets)
    rng = np.random.default_rng(0)
    for shape in [(0,), (1,), (3, 5), (2, 3, 4, 5), (3000,)]:
        for kind in _INDEX_TYPES:
            _check_round_trip(coder, tables, *_draw(rng, shape, kind), f"shape {shape}, indexes {kind.__name__}")
    edges = np.array([0, -1, 1, 100, -100, 1 << 30, -(1 << 30), 70000, -70000], np.int32)
    for row in range(len(lengths)):
        _check_round_trip(coder, tables, edges, np.full(edges.shape, row, np.uint8), f"escapes in row {row}")
    _check_extremes(coder, tables)
    _check_pieces(coder, tables, rng)
    _check_damage(coder, tables, rng)
    symbols, indexes = _draw(rng, (100,), np.int32)
    _expect(coder.encode(symbols, indexes, tables) == coder.encode(symbols, indexes, tables), "encode is deterministic")
    _expect_error(lambda: coder.encode(symbols, indexes + len(lengths), tables), "encode under a row that is not there")


def check_quantizer(quantizer: Any, y: Any) -> None:
    """`quantize`, `dequantize`, and `forward` where there is one, of kind "quantizer", on a float tensor `y`.

    Symbols are integers and the same each time; dequantize gives the shape of y back, from int32 copies, too; forward
    has a gradient for y while training, and gives dequantize(quantize(y)) in evaluation mode.
    """
    import torch

    symbols = torch.as_tensor(quantizer.quantize(y))
    _expect(not symbols.is_floating_point(), f"quantize gives integers, not {symbols.dtype}")
    _expect(torch.equal(symbols, torch.as_tensor(quantizer.quantize(y))), "quantize is deterministic")
    y_hat = torch.as_tensor(quantizer.dequantize(symbols))
    _expect(y_hat.shape == y.shape, f"dequantize gives the shape {tuple(y.shape)} back, not {tuple(y_hat.shape)}")
    _expect(bool(torch.isfinite(y_hat).all()), "dequantize gives finite values")
    again = torch.as_tensor(quantizer.dequantize(symbols.to(torch.int32)))
    _expect(torch.equal(again, y_hat), "dequantize takes int32 symbols, as they come from a coder")
    if not callable(quantizer):
        return
    quantizer.train()
    leaf = y.detach().clone().requires_grad_()
    out = quantizer(leaf)
    _expect(out.y_hat.shape == y.shape, f"forward gives y_hat of {tuple(y.shape)}, not {tuple(out.y_hat.shape)}")
    (out.y_hat.sum() + out.loss).backward()
    _expect(leaf.grad is not None and bool(torch.isfinite(leaf.grad).all()), "forward has a finite gradient for y")
    quantizer.eval()
    with torch.no_grad():
        expected = quantizer.dequantize(quantizer.quantize(y))
        _expect(torch.allclose(quantizer(y).y_hat, expected, atol=1e-5), "forward in eval gives what is decoded")


def check_transform(analysis: Any, synthesis: Any, x: Any) -> None:
    """`y = analysis(x)`, `x_hat = synthesis(y)` of kind "transform": x_hat has the shape of x, both are finite, the
    same each time in evaluation mode, and have gradients."""
    import torch

    leaf = x.detach().clone().requires_grad_()
    x_hat = synthesis(analysis(leaf))
    _expect(x_hat.shape == x.shape, f"synthesis gives the shape {tuple(x.shape)} back, not {tuple(x_hat.shape)}")
    _expect(bool(torch.isfinite(x_hat).all()), "the reconstruction is finite")
    x_hat.square().sum().backward()
    _expect(leaf.grad is not None and bool(torch.isfinite(leaf.grad).all()), "there is a finite gradient for x")
    analysis.eval(), synthesis.eval()
    with torch.no_grad():
        _expect(torch.equal(synthesis(analysis(x)), synthesis(analysis(x))), "evaluation is deterministic")


def check_entropy_model(model: Any) -> None:
    """Kind "entropy-model": valid 16-bit CDFs, usable by the default coder, the same after a state dict's round trip
    into a fresh model. An adaptive one (with `encode`, `decode` and the `dimensions` of its integers) has no tables:
    its streams come back, and do so from a fresh model's."""
    from tinify import registry

    if hasattr(model, "dimensions"):
        return _check_adaptive(model)
    _, lengths, offsets = tables = _tables_of(model)
    check_tables(*tables)
    coder = registry.build("coder", "rans32")
    rng = np.random.default_rng(0)
    indexes = rng.integers(0, len(lengths), 500).astype(np.int32)
    symbols = (offsets[indexes] + rng.integers(0, 1 << 30, 500) % (lengths[indexes] - 1)).astype(np.int32)
    _check_round_trip(coder, coder.tables(*tables), symbols, indexes, "symbols of every row")
    fresh = copy.deepcopy(model)
    fresh.load_state_dict(model.state_dict())
    for name, mine, loaded in zip(("cdfs", "lengths", "offsets"), tables, _tables_of(fresh), strict=True):
        _expect(np.array_equal(mine, loaded), f"{name} are the same after a state dict's round trip")


def _check_adaptive(model: Any) -> None:
    values = np.random.default_rng(0).geometric(0.3, (24, 3, 8)[: model.dimensions]).astype(np.int32) - 2
    stream = model.encode(values)
    _expect(isinstance(stream, bytes) and model.encode(values) == stream, "encoding gives the same bytes each time")
    fresh = copy.deepcopy(model)
    fresh.load_state_dict(model.state_dict())
    _expect(np.array_equal(fresh.decode(stream, values.shape), values), "integers come back from a fresh model")
    for damaged in (b"", stream[: len(stream) // 2], bytes(255 - byte for byte in stream)):
        try:
            model.decode(damaged, values.shape)
        except TinifyError:
            continue
        _expect(False, "a damaged stream is a TinifyError")


def check_tables(cdfs: np.ndarray, lengths: np.ndarray, offsets: np.ndarray) -> None:
    """CDF tables as a coder takes them: row r rises strictly from 0 to 65536 in its first lengths[r] entries."""
    for name, array in (("cdfs", cdfs), ("lengths", lengths), ("offsets", offsets)):
        _expect(array.dtype == np.int32, f"{name} are int32, not {array.dtype}")
    _expect(
        cdfs.ndim == 2 and lengths.shape == offsets.shape == (len(cdfs),),
        f"shapes (rows, width), (rows,), (rows,), not {cdfs.shape}, {lengths.shape}, {offsets.shape}",
    )
    for row, length in enumerate(lengths):
        _expect(2 <= length <= cdfs.shape[1], f"length of row {row} is in [2, {cdfs.shape[1]}], not {length}")
        used = cdfs[row, :length]
        _expect(
            used[0] == 0 and used[-1] == TOTAL and bool((np.diff(used) > 0).all()),
            f"row {row} rises strictly from 0 to {TOTAL}",
        )


def check_codec(codec: Any, signal: Signal, *, qualities: tuple[float | None, ...] = (None, 0, 100)) -> None:
    """`pack`, `unpack`, `fingerprint` of kind "codec" on one signal, through the bytes of a file.

    The shape, type, modality and metadata come back at every quality; packing is deterministic; what another modality
    or a quality beyond [0, 100] gives is a TinifyError, and so is what a damaged payload gives, unless it decodes.
    """
    from tinify import container

    print_ = codec.fingerprint()
    _expect(isinstance(print_, bytes) and len(print_) == 4, f"fingerprint gives 4 bytes, not {print_!r}")
    codec.name = codec.name or "check"
    for quality in qualities:
        data = container.pack(codec.pack(signal, quality=quality))
        again = container.pack(codec.pack(signal, quality=quality))
        _expect(data == again, f"pack is deterministic, quality {quality}")
        file = container.unpack(data)
        _expect(file.fingerprint == print_ == codec.fingerprint(), "the file carries the fingerprint, which stays")
        _expect(file.codec == codec.name, f"the file carries the codec's name, {codec.name!r}, not {file.codec!r}")
        _check_restored(signal, codec.unpack(file), f"quality {quality}")
        if quality is None:
            _check_damaged_sections(codec, file)
    _expect_error(lambda: codec.pack(signal, quality=101), "quality 101")
    _expect_error(lambda: codec.pack(Signal("no-such-modality", signal.samples)), "a signal of another modality")


def example_tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tables of four rows: one symbol, nearly certain, even, and wide (300 bins), with offsets of either sign."""
    rows = [[0, TOTAL - 1, TOTAL], [0, 1, TOTAL - 2, TOTAL - 1, TOTAL], [*range(0, TOTAL, TOTAL >> 4), TOTAL],
            [*range(300), TOTAL]]  # fmt: skip
    cdfs = np.full((len(rows), max(map(len, rows))), TOTAL, np.int32)
    for row, values in enumerate(rows):
        cdfs[row, : len(values)] = values
    return cdfs, np.array([len(row) for row in rows], np.int32), np.array([0, -1, -8, 3], np.int32)


def _draw(rng: np.random.Generator, shape: tuple[int, ...], index_type: type) -> tuple[np.ndarray, np.ndarray]:
    indexes: np.ndarray = rng.integers(0, 4, shape).astype(index_type)
    return rng.integers(-9, 12, shape).astype(np.int32), indexes


def _check_round_trip(coder: Any, tables: Any, symbols: np.ndarray, indexes: np.ndarray, what: str) -> None:
    data = coder.encode(symbols, indexes, tables)
    _expect(isinstance(data, bytes), f"encode gives bytes, not {type(data).__name__}")
    decoded = coder.decode(data, indexes, tables)
    _expect(
        decoded.dtype == np.int32 and decoded.shape == indexes.shape,
        f"decode gives int32 of {indexes.shape}, not {decoded.dtype} of {decoded.shape}: {what}",
    )
    _expect(np.array_equal(decoded, symbols), f"decode gives what was encoded: {what}")
    out = np.empty(indexes.shape, np.int32)
    coder.decode(data, indexes, tables, out=out)
    _expect(np.array_equal(out, symbols), f"decode writes into out: {what}")


def _check_extremes(coder: Any, tables: Any) -> None:
    """A value 2^31 away from its row's first bin may be refused, but not come back as another."""
    for extreme in (2**31 - 1, -(2**31)):
        for row in range(4):
            symbols, indexes = np.array([extreme], np.int32), np.array([row], np.uint8)
            try:
                data = coder.encode(symbols, indexes, tables)
            except TinifyError:
                continue
            _expect(np.array_equal(coder.decode(data, indexes, tables), symbols), f"{extreme} comes back or is refused")


def _check_pieces(coder: Any, tables: Any, rng: np.random.Generator) -> None:
    pieces = [_draw(rng, (size,), np.uint8) for size in (7, 0, 1000, 1)]
    encoder = coder.encoder()
    for symbols, indexes in pieces:
        encoder.push(symbols, indexes, tables)
    decoder = coder.decoder(encoder.finish())
    for symbols, indexes in pieces:
        _expect(np.array_equal(decoder.pull(indexes, tables), symbols), "pull gives what was pushed, in that order")
    decoder.finish()


def _check_damage(coder: Any, tables: Any, rng: np.random.Generator) -> None:
    symbols, indexes = _draw(rng, (300,), np.uint8)
    data = coder.encode(symbols, indexes, tables)
    damaged = [data[:size] for size in (0, 1, 2, 3, 4, 7, 8, len(data) // 2, len(data) - 1)]
    for position in range(0, len(data), max(1, len(data) // 40)):
        damaged.append(data[:position] + bytes([data[position] ^ (1 << position % 8)]) + data[position + 1 :])
    for bad in damaged:
        try:
            decoded = coder.decode(bad, indexes, tables)
        except TinifyError:
            continue
        except Exception as error:
            raise ContractError(f"damaged bytes give a TinifyError, not {type(error).__name__}: {error}") from error
        _expect(decoded.shape == indexes.shape, "damaged bytes that decode give the shape of indexes")


def _tables_of(model: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if callable(getattr(model, "tables", None)):
        cdfs, lengths, offsets = (np.asarray(array) for array in model.tables())
        return cdfs, lengths, offsets
    model.update()
    cdfs, lengths, offsets = (b.cpu().numpy() for b in (model.quantized_cdf, model.cdf_length, model.offset))
    return cdfs, lengths, offsets


def _check_restored(signal: Signal, restored: Signal, what: str) -> None:
    x, x_hat = signal.samples, restored.samples
    _expect(restored.modality == signal.modality, f"the modality comes back: {what}")
    _expect(
        x_hat.shape == x.shape and x_hat.dtype == x.dtype,
        f"{x.shape} of {x.dtype} comes back, not {x_hat.shape} of {x_hat.dtype}: {what}",
    )
    _expect(restored.metadata == signal.metadata, f"the metadata comes back: {what}")


def _check_damaged_sections(codec: Any, file: Any) -> None:
    from dataclasses import replace

    for number, section in enumerate(file.sections):
        for data in (b"", section.data[: len(section.data) // 2], bytes(len(section.data))):
            sections = (*file.sections[:number], replace(section, data=data), *file.sections[number + 1 :])
            try:
                codec.unpack(replace(file, sections=sections))
            except TinifyError:
                continue
            except Exception as error:
                raise ContractError(
                    f"a damaged section of kind {section.kind} gives a TinifyError, not {type(error).__name__}: {error}"
                ) from error


def _expect(fact: bool, promise: str) -> None:
    if not fact:
        raise ContractError(f"expected: {promise}")


def _expect_error(call: Callable[[], Any], what: str) -> None:
    try:
        call()
    except TinifyError:
        return
    except Exception as error:
        raise ContractError(f"{what} gives a TinifyError, not {type(error).__name__}: {error}") from error
    raise ContractError(f"{what} gives a TinifyError, and it gave none")
