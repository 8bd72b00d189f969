# SPDX-License-Identifier: Apache-2.0
import copy
import hashlib
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from tinify import _core, registry
from tinify.entropy_models import GruPrior, TransformerPrior
from tinify.errors import ConfigError, FormatError, InputError
from tinify.training.token_prior import PriorTraining, train_prior

from .priors import SMALL, random_integers, sticky, untrained

CODER = registry.build("coder", "rangecoder")
names = pytest.mark.parametrize("name", SMALL)


def reference(prior, tokens: np.ndarray) -> np.ndarray:
    """start | frequency << 16 of each token, from the sessions in NumPy."""
    session, rows = prior.start(len(tokens), tokens.shape[2]), np.arange(len(tokens))
    found = np.empty(tokens.shape, np.int64)
    for step, level in np.ndindex(tokens.shape[1:]):
        cdfs, symbols = session.cdfs(level).astype(np.int64), tokens[:, step, level]
        start = cdfs[rows, symbols]
        found[:, step, level] = start | (cdfs[rows, symbols + 1] - start) << 16
        session.take(level, symbols)
    return found


def random_tokens(sequences: int, steps: int, levels: int, codes: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, codes, (sequences, steps, levels))


@pytest.fixture(params=["scalar", "avx2", "avx512"])
def simd(request):
    before = _core.simd()
    if not _core.use_simd(request.param):
        pytest.skip(f"this processor has no {request.param}")
    yield request.param
    _core.use_simd(before)


@names
def test_a_sequence_gets_the_same_integers_alone_and_among_others(name):
    prior, tokens = untrained(name), random_tokens(64, 20, 2, 9)
    together = reference(prior, tokens)
    for size in (1, 7):
        assert np.array_equal(reference(prior, tokens[:size]), together[:size])


@names
@pytest.mark.parametrize("levels", [1, 2])
def test_tokens_come_back(name, levels):
    prior, tokens = untrained(name), random_tokens(11, 20, levels, 9)
    string = prior.encode(tokens, CODER)
    assert np.array_equal(prior.decode(string, tokens.shape, CODER), tokens)
    assert np.array_equal(prior.decode(string, tokens.shape, CODER, slice(3, 7)), tokens[3:7])
    assert abs(8 * len(string) - prior.token_bits(tokens).sum()) < 8 * (16 + 2 * len(tokens))


@names
def test_saved_weights_are_integers_and_give_the_same_string(name):
    prior, tokens = untrained(name), random_tokens(5, 12, 2, 9)
    state = prior.state_dict()
    assert not any(value.is_floating_point() for value in state.values())
    fresh = SMALL[name](2, 9)
    fresh.encode(tokens, CODER)  # what was made of the old weights must not stay
    fresh.load_state_dict(state)
    assert fresh.encode(tokens, CODER) == prior.encode(tokens, CODER)
    for other in (copy.deepcopy(prior), pickle.loads(pickle.dumps(prior))):
        assert other.encode(tokens, CODER) == prior.encode(tokens, CODER)


DIGESTS = {
    "gru": "f8b416fa5b4ef5e5",
    "causal-conv": "77215a9c993959e2",
    "transformer": "3ae086c18abd68b2",
}


@names
def test_known_weights_give_known_integers(name):
    prior = random_integers(SMALL[name](2, 9))
    found = reference(prior, sticky(sequences=6, steps=30, levels=2, size=9))
    assert len(np.unique(found >> 16)) > 50
    assert hashlib.sha256(found.astype("<i8").tobytes()).hexdigest()[:16] == DIGESTS[name]


@names
def test_integers_cost_hardly_more_bits_than_the_floats_they_came_from(name):
    torch.manual_seed(0)
    prior = SMALL[name](2, 8)
    network = train_prior(prior, sticky(levels=2), PriorTraining(steps=60, window=32, batch_size=16, lr=1e-2))
    tokens = sticky(seed=1, levels=2)
    with torch.no_grad():
        float_bits = network.nll(torch.from_numpy(tokens)).mean().item()
    assert float_bits < 2.6  # 3 without a model
    assert abs(prior.token_bits(tokens).mean() / float_bits - 1) < 0.005


@names
def test_a_network_sees_nothing_of_what_comes_after(name):
    torch.manual_seed(0)
    network = SMALL[name](2, 9).network()
    tokens = torch.from_numpy(random_tokens(2, 20, 2, 9))
    other = tokens.clone()
    other[:, 10, 1] = (other[:, 10, 1] + 1) % 9
    other[:, 11:] = (other[:, 11:] + 1) % 9
    with torch.no_grad():
        for level, (a, b) in enumerate(zip(network.logits(tokens), network.logits(other), strict=True)):
            assert torch.allclose(a[:, : 11 if level < 2 else 10], b[:, : 11 if level < 2 else 10], atol=1e-6)
            assert not torch.allclose(a[:, 11], b[:, 11], atol=1e-6)


@names
def test_tokens_that_are_none_are_refused(name):
    prior = untrained(name)
    with pytest.raises(InputError, match="9 codes"):
        prior.encode(np.full((1, 2, 2), 9), CODER)
    with pytest.raises(FormatError, match="2 levels"):
        prior.encode(np.zeros((1, 2, 3), np.int64), CODER)


@names
@pytest.mark.parametrize("shape", [(1 << 20, 1 << 10, 1), (1, 1 << 30, 1), (1 << 30, 0, 1), (1 << 16, 1 << 16, 2)])
def test_shapes_that_a_string_cannot_pay_for_are_refused_before_memory_is_taken(name, shape):
    prior = untrained(name)
    for string in (b"", b"abc", bytes(40)):
        with pytest.raises(FormatError):
            assert prior.decode(string, shape, CODER).size == 0
            raise FormatError("no tokens, no memory")


def test_the_native_coder_computes_the_reference(simd):
    for levels, codes, hidden, used in ((2, 9, 32, 2), (3, 100, 48, 3), (2, 256, 128, 1), (1, 1, 16, 1)):
        torch.manual_seed(levels)
        prior = GruPrior(levels, codes, embedding=8, hidden=hidden)
        network = prior.network()
        with torch.no_grad():
            network.heads.depth.mul_(10)
        prior.quantize(network)
        tokens = random_tokens(7, 25, used, codes)
        expected = reference(prior, tokens)
        for threads in (1, 2):
            assert np.array_equal(prior.native().intervals(tokens.astype(np.int32), threads), expected)


def test_native_arithmetic_stays_exact_at_the_limits(simd):
    prior = GruPrior(2, 20, embedding=4, hidden=256)
    for layer in prior.modules():
        if hasattr(layer, "multiplier"):
            layer.weight.fill_(127), layer.multiplier.fill_(2047), layer.shift.fill_(1), layer.bias.fill_(1 << 24)
            layer.weight[::2].fill_(-127), layer.bias[::2].fill_(-(1 << 24))
    prior.inputs.vectors.fill_(127)
    tokens = random_tokens(5, 12, 2, 20)
    assert np.array_equal(prior.native().intervals(tokens.astype(np.int32), 1), reference(prior, tokens))


def test_bytes_do_not_depend_on_threads_or_instruction_set(simd):
    prior, tokens = untrained("gru"), random_tokens(70, 12, 2, 9).astype(np.int32)
    native = prior.native()
    strings = {native.encode(tokens, threads) for threads in (1, 2, 3, 64)}
    assert len(strings) == 1
    assert hashlib.sha256(strings.pop()).hexdigest() == hashlib.sha256(_scalar_string(prior, tokens)).hexdigest()


def _scalar_string(prior, tokens) -> bytes:
    before = _core.simd()
    _core.use_simd("scalar")
    try:
        return prior.native().encode(tokens, 1)
    finally:
        _core.use_simd(before)


def strings_of_known_weights() -> str:
    tokens, digest = sticky(sequences=9, steps=20, levels=2, size=9), hashlib.sha256()
    for name in SMALL:
        digest.update(random_integers(SMALL[name](2, 9)).encode(tokens, CODER))
    return digest.hexdigest()


def test_another_process_with_more_threads_gets_the_same_strings():
    script = "import torch, tests.entropy_models.test_learned_priors as t; torch.set_num_threads(2);"
    script += "print(t.strings_of_known_weights())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == strings_of_known_weights()


def test_native_rates_are_the_bits_of_the_tables():
    prior, tokens = untrained("gru"), random_tokens(6, 8, 2, 9)
    exact, quick = prior.start(6, 2), prior.rates(6, 2)
    for step, level in np.ndindex(8, 2):
        assert np.abs(exact.bits(level) - quick.bits(level)).max() < 0.02
        for session in (exact, quick):
            session.take(level, tokens[:, step, level])


def test_native_rates_out_of_their_order_are_refused():
    rates = untrained("gru").rates(3, 2)
    for misuse in (lambda: rates.bits(1), lambda: rates.take(1, np.zeros(3)), lambda: rates.take(0, np.zeros(4)),
                   lambda: rates.take(0, np.full(3, 9))):  # fmt: skip
        with pytest.raises(InputError):
            misuse()


def test_a_sequence_costs_at_most_two_bytes_beyond_its_bits():
    prior, tokens = untrained("gru"), random_tokens(200, 30, 2, 9)
    assert len(prior.encode(tokens)) <= prior.token_bits(tokens).sum() / 8 + 2 * len(tokens) + 8


def test_no_sequences_or_no_steps_are_an_empty_string():
    prior = untrained("gru")
    for shape in ((0, 5, 2), (5, 0, 2)):
        assert prior.encode(np.zeros(shape, np.int64)) == b""
        assert prior.decode(b"", shape).shape == shape
        with pytest.raises(FormatError):
            prior.decode(b"x", shape)


def test_tokens_that_cost_nothing_still_have_a_stream():
    prior, tokens = GruPrior(1, 1, hidden=16), np.zeros((40, 3, 1), np.int64)
    string = prior.encode(tokens)
    assert np.array_equal(prior.decode(string, tokens.shape), tokens)


def test_sizes_that_32_bits_do_not_hold_are_refused():
    with pytest.raises(ConfigError, match="hidden 272"):
        GruPrior(1, 8, hidden=272)
    with pytest.raises(ConfigError, match="heads 5"):
        TransformerPrior(1, 8, width=96, heads=5)
    prior = GruPrior(1, 8, hidden=16)
    prior.recurrent.shift.fill_(40)
    with pytest.raises(InputError, match="shift"):
        prior.encode(np.zeros((1, 1, 1), np.int64))
