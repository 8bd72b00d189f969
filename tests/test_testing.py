# SPDX-License-Identifier: Apache-2.0
"""The checks pass what keeps the contract and name what does not: each wrong component breaks one promise."""

import zlib

import numpy as np
import pytest
import torch

from tinify import registry, testing
from tinify.errors import FormatError, InputError
from tinify.signal import Signal
from tinify.testing import ContractError


class PlainCoder:
    """A coder that keeps every symbol in four bytes: the contract and nothing more."""

    def tables(self, cdfs, lengths, offsets):
        return len(lengths)

    def encode(self, symbols, indexes, tables):
        if indexes.size and indexes.max() >= tables:
            raise InputError("no such row")
        return symbols.astype("<i4").tobytes()

    def decode(self, data, indexes, tables, out=None):
        if len(data) != 4 * indexes.size:
            raise FormatError("cut off")
        out = np.empty(indexes.shape, np.int32) if out is None else out
        out[...] = np.frombuffer(data, "<i4").reshape(indexes.shape)
        return out

    def encoder(self):
        return PlainStream(self)

    def decoder(self, data):
        return PlainStream(self, data)


class PlainStream:
    def __init__(self, coder, data=b""):
        self.coder, self.data = coder, data

    def push(self, symbols, indexes, tables):
        self.data += self.coder.encode(symbols, indexes, tables)

    def pull(self, indexes, tables):
        head, self.data = self.data[: 4 * indexes.size], self.data[4 * indexes.size :]
        return self.coder.decode(head, indexes, tables)

    def finish(self):
        return self.data


def test_a_coder_that_keeps_the_contract_passes():
    testing.check_coder(PlainCoder())


def wrong_coders():
    class LosesEscapes(PlainCoder):
        def encode(self, symbols, indexes, tables):
            return super().encode(np.clip(symbols, -32768, 32767), indexes, tables)

    class Crashes(PlainCoder):
        def decode(self, data, indexes, tables, out=None):
            out = np.empty(indexes.shape, np.int32) if out is None else out
            out[...] = np.frombuffer(data, "<i4").reshape(indexes.shape)
            return out

    class IgnoresOut(PlainCoder):
        def decode(self, data, indexes, tables, out=None):
            return super().decode(data, indexes, tables)

    class Forgets(PlainCoder):
        def encoder(self):
            stream = PlainStream(self)
            stream.push = lambda symbols, indexes, tables: None
            return stream

    class TakesAnyRow(PlainCoder):
        def tables(self, cdfs, lengths, offsets):
            return 1 << 30

    return {
        "what was encoded: escapes": LosesEscapes,
        "TinifyError, not ValueError": Crashes,
        "writes into out": IgnoresOut,
        "cut off": Forgets,
        "row that is not there": TakesAnyRow,
    }


@pytest.mark.parametrize("promise", wrong_coders())
def test_a_wrong_coder_fails_on_its_promise(promise):
    with pytest.raises((ContractError, FormatError), match=promise):
        testing.check_coder(wrong_coders()[promise]())


class Rounding(torch.nn.Module):
    def quantize(self, y):
        return y.round().int()

    def dequantize(self, symbols):
        return symbols.float()

    def forward(self, y):
        from tinify.quantizers import Quantized

        rounded = y + (y.round() - y).detach()
        return Quantized(rounded, self.quantize(y), torch.zeros(()))


def test_a_quantizer_that_keeps_the_contract_passes(install_fakes):
    y = 3 * torch.randn(2, 7)
    testing.check_quantizer(Rounding(), y)
    install_fakes("good")
    testing.check_quantizer(registry.build("quantizer", "good-floor"), y)


@pytest.mark.parametrize(
    ("method", "wrong", "promise"),
    [
        ("quantize", lambda self, y: y.round(), "integers, not torch.float32"),
        ("quantize", lambda self, y: torch.randint(0, 99, y.shape), "deterministic"),
        ("dequantize", lambda self, symbols: symbols.float()[0], "the shape"),
        ("dequantize", lambda self, symbols: symbols.float() / 0, "finite"),
    ],
)
def test_a_wrong_quantizer_fails_on_its_promise(monkeypatch, method, wrong, promise):
    monkeypatch.setattr(Rounding, method, wrong)
    with pytest.raises(ContractError, match=promise):
        testing.check_quantizer(Rounding(), torch.tensor([[0.0, 1.2], [2.6, -4.4]]))


def test_a_transform_that_loses_the_shape_fails():
    with pytest.raises(ContractError, match="the shape"):
        testing.check_transform(torch.nn.Linear(4, 3), torch.nn.Linear(3, 5), torch.randn(2, 4))


@pytest.mark.parametrize("row", [[0, 10, 10, 65536], [1, 10, 20, 65536], [0, 10, 20, 65535]])
def test_tables_that_no_coder_can_use_fail(row):
    with pytest.raises(ContractError, match="rises strictly"):
        testing.check_tables(np.array([row], np.int32), np.array([4], np.int32), np.array([0], np.int32))


def test_codecs_of_numpy_pass_and_a_wrong_one_fails(install_fakes):
    install_fakes("good")
    signal = Signal("series", np.arange(30, dtype=np.int16).reshape(10, 3), {"csv": b"x"})
    codec = registry.build("codec", "good-numbers")
    with pytest.raises(ContractError, match="quality 101"):
        testing.check_codec(codec, signal)

    class Strict(type(codec)):
        def pack(self, signal, *, quality=None):
            if signal.modality != "series" or not 0 <= (quality or 0) <= 100:
                raise InputError("no")
            return super().pack(signal, quality=quality)

        def unpack(self, file):
            try:
                return super().unpack(file)
            except (ValueError, zlib.error) as error:
                raise FormatError(str(error)) from error

    testing.check_codec(Strict(), signal)

    class Transposing(Strict):
        def unpack(self, file):
            return Signal("series", super().unpack(file).samples.T)

    with pytest.raises(ContractError, match=r"\(10, 3\) of int16 comes back"):
        testing.check_codec(Transposing(), signal)
