# SPDX-License-Identifier: Apache-2.0
"""A small codec, and codec files with anything in them, for the tests of codec files."""

import json
import zlib

import numpy as np
import torch
from safetensors.torch import save

from tinify import codec_file
from tinify.models.series.series_mixing import SeriesMixing

TABLE = {"kind": "codec", "name": "series-mixing", "blocks": [8], "channels": 2, "features": 1}
HEAD = 'kind = "codec"\nname = "series-mixing"\n'


def codec():
    """Fitted to two channels of its own choice, with a coder that has learned nothing."""
    made = SeriesMixing(blocks=(8,), channels=2, features=1).eval()
    made.fitted.offset.copy_(torch.tensor([20.0, -3.0]))
    made.fitted.first.copy_(torch.tensor([0, 1, 1]))
    made.fitted.table.copy_(torch.tensor([[1, 0, 60000]]))
    made.name = "x.codec"
    return made


def series(rows=200):
    return np.random.default_rng(0).normal([20, -3], size=(rows, 2)).astype(np.float32)


def sealed(toml, weights=b"", card=b"{}", lengths=None, fingerprint=b"abcd"):
    """A codec file with a right check sum around whatever is given."""
    parts = [toml.encode(), card, weights]
    head = codec_file._HEAD.pack(codec_file.MAGIC, 1, fingerprint, *(lengths or map(len, parts)))
    body = head + zlib.compress(b"".join(parts))
    return body + zlib.crc32(body).to_bytes(4, "little")


def built(data):
    return codec_file.build(codec_file.unpack(data))


def weights(**changed):
    return save(codec().state_dict() | changed)


def fitted_toml(**changed):
    return "[codec]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in (TABLE | changed).items())
