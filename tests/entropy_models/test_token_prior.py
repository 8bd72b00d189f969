# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from tinify.entropy_models import HistogramPrior, Markov1Prior
from tinify.errors import ConfigError

PRIORS = [HistogramPrior, Markov1Prior]


def tokens(seed: int = 0, sequences: int = 20, steps: int = 50, levels: int = 3, size: int = 8) -> np.ndarray:
    """Sticky tokens: each level repeats its context with probability 0.9."""
    random = np.random.default_rng(seed)
    out = random.integers(size, size=(sequences, steps, levels))
    for step in range(1, steps):
        keep = random.random(sequences) < 0.9
        out[keep, step, 0] = out[keep, step - 1, 0]
    for level in range(1, levels):
        keep = random.random((sequences, steps)) < 0.9
        out[keep, level] = out[keep, level - 1]
    return out


def bits(prior, symbols: np.ndarray) -> float:
    table = prior.bits()
    rows = [prior.row(i, prior.contexts(symbols, i)) for i in range(symbols.shape[-1])]
    return table[torch.from_numpy(np.stack(rows, -1)).long(), torch.from_numpy(symbols)].sum().item()


@pytest.mark.parametrize("prior_class", PRIORS)
@pytest.mark.parametrize("size", [1, 2, 256, 1000])
def test_tables_are_valid_before_and_after_fitting(prior_class, size):
    prior = prior_class(levels=2, codebook_size=size)
    for _ in range(2):
        cdfs, lengths, offsets = prior.tables()
        assert cdfs.shape == (prior.rows, size + 2) and (lengths == size + 2).all() and (offsets == 0).all()
        assert (np.diff(cdfs, axis=1) >= 1).all()
        assert (cdfs[:, 0] == 0).all() and (cdfs[:, -1] == 65536).all()
        counts = np.zeros((prior.rows, size))
        counts[:, 0] = 1e9
        prior.fit(counts)


@pytest.mark.parametrize("prior_class", PRIORS)
def test_fitting_brings_the_bits_down(prior_class):
    prior, symbols = prior_class(3, 8), tokens() // 3
    before = bits(prior, symbols)
    prior.fit(prior.count(symbols))
    assert bits(prior, tokens(seed=1) // 3) < 0.9 * before


def test_markov_uses_the_context_that_a_histogram_cannot_see():
    histogram, markov = HistogramPrior(3, 8), Markov1Prior(3, 8)
    for prior in (histogram, markov):
        prior.fit(prior.count(tokens()))
    assert bits(markov, tokens(seed=1)) < 0.5 * bits(histogram, tokens(seed=1))


def test_markov_backs_off_to_the_histogram_for_contexts_never_seen():
    prior = Markov1Prior(1, 8)
    counts = np.zeros((prior.rows, 8))
    counts[:4] = [100, 50, 25, 12, 6, 3, 2, 1]
    prior.fit(counts)
    probabilities = torch.exp2(-prior.bits()[7])
    assert torch.allclose(probabilities[:2], torch.tensor([100 / 199, 50 / 199]), atol=0.01)


def test_contexts_are_the_step_before_and_the_coarser_level():
    prior, symbols = Markov1Prior(2, 8), np.arange(8).reshape(1, 4, 2)
    assert prior.contexts(symbols, 0).tolist() == [[8, 0, 2, 4]]
    assert prior.contexts(symbols, 1).tolist() == [[0, 2, 4, 6]]


def test_frequencies_survive_a_state_dict():
    prior, copy = Markov1Prior(2, 8), Markov1Prior(2, 8)
    prior.fit(prior.count(tokens(levels=2)))
    copy.load_state_dict(prior.state_dict())
    assert np.array_equal(prior.tables()[0], copy.tables()[0])


def test_impossible_sizes_are_refused():
    with pytest.raises(ConfigError):
        HistogramPrior(0, 8)
    with pytest.raises(ConfigError):
        HistogramPrior(1, 1 << 16)
