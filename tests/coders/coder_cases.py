# SPDX-License-Identifier: Apache-2.0
"""Tables and symbols that the tests of the coders share."""

import numpy as np
from scipy.special import ndtr

from tinify import _core
from tinify.coders.rangecoder import RangeCoder
from tinify.coders.rans32 import Rans32
from tinify.coders.rans64 import Rans64

CODERS = {"rans32": Rans32(), "rans64": Rans64(), "rangecoder": RangeCoder()}


def tables_of(pmfs, offsets):
    """cdfs, lengths, offsets of lists of probabilities, the last of each being the escape's."""
    width = max(map(len, pmfs))
    padded = np.array([[*p, *[0.0] * (width - len(p))] for p in pmfs], np.float32)
    sizes = np.array([len(p) for p in pmfs], np.int32)
    return _core.pmfs_to_quantized_cdfs(padded, sizes, 16), sizes + 1, np.asarray(offsets, np.int32)


def gaussians(scales):
    """Zero-mean Gaussian tables, as GaussianConditional makes them."""
    pmfs, offsets = [], []
    for scale in scales:
        radius = int(np.ceil(6.1094 * scale))
        edges = ndtr((np.arange(-radius, radius + 2) - 0.5) / scale)
        pmfs.append([*np.diff(edges), 2 * edges[0]])
        offsets.append(-radius)
    return tables_of(pmfs, offsets)


SCALES = np.exp(np.linspace(np.log(0.11), np.log(256), 12))


def gaussian_case(count, seed=0, escapes=0.0, scales=SCALES):
    """Tables, symbols, indexes: `count` symbols drawn from the tables, a share of them far outside."""
    rng = np.random.default_rng(seed)
    indexes = rng.integers(0, len(scales), count).astype(np.uint8)
    symbols = np.rint(rng.normal(size=count) * np.asarray(scales)[indexes]).astype(np.int32)
    far = rng.random(count) < escapes
    symbols[far] = rng.integers(-(1 << 20), 1 << 20, far.sum())
    return gaussians(scales), symbols, indexes


def uneven_case(count, seed=0, bins=400):
    """Tables too wide and too uneven for 12 bits, as a token prior's may be."""
    rng = np.random.default_rng(seed)
    pmfs = [[*(rng.dirichlet(np.full(bins, 0.5)) * (1 - 1e-6)), 1e-6] for _ in range(3)]
    indexes = rng.integers(0, 3, count).astype(np.int32)
    symbols = np.array([rng.choice(bins, p=np.array(pmfs[i][:-1]) / sum(pmfs[i][:-1])) for i in indexes], np.int32)
    return tables_of(pmfs, [0, 0, 0]), symbols.reshape(count), indexes
