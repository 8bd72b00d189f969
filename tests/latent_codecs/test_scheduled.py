# SPDX-License-Identifier: Apache-2.0
"""Scheduled coding of subbands: any integers and sizes come back, prefixes decode, damage is a typed error."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tinify.entropy_models.edge import EdgeModel
from tinify.entropy_models.neighbourhood import Neighbourhood
from tinify.errors import ConfigError, FormatError, TinifyError
from tinify.latent_codecs.lattices import CHECKERBOARD, FOUR_PHASES, WHOLE
from tinify.latent_codecs.scheduled import ScheduledLatentCodec
from tinify.latent_codecs.sheets import at
from tinify.latent_codecs.subband_schedule import SubbandSchedule
from tinify.training.neighbourhood import fit
from tinify.transforms.lifting import subbands


def codec(levels=3, split=False, sets=2):
    schedule = SubbandSchedule(levels)
    return ScheduledLatentCodec(schedule, Neighbourhood(schedule.groups, schedule.taps, sets), EdgeModel(), split)


def sparse(shape, seed=0, largest=9):
    random = np.random.default_rng(seed)
    return (random.integers(-largest, largest + 1, shape) * (random.random(shape) < 0.3)).astype(np.int32)


@given(st.tuples(st.integers(1, 4), st.integers(1, 30), st.integers(1, 30)), st.integers(1, 6), st.booleans(),
       st.sampled_from([1, 40, 3000]), st.integers(0, 99))  # fmt: skip
def test_any_integers_come_back(shape, levels, split, largest, seed):
    subject, q = codec(levels, split), sparse(shape, seed, largest)
    (back,) = subject.decode(subject.encode([q]), [shape])
    assert np.array_equal(back, q)


@pytest.mark.parametrize("phases", [WHOLE, CHECKERBOARD, FOUR_PHASES], ids=["whole", "checkerboard", "four"])
def test_lattices_cover_a_plane_once(phases):
    for height, width in ((1, 1), (2, 3), (5, 4)):
        seen = np.zeros((height, width), int)
        for lattice in (lattice for phase in phases for lattice in phase):
            assert seen[lattice.where].shape == lattice.size(height, width)
            seen[lattice.where] += 1
        assert (seen == 1).all()


@pytest.mark.parametrize("size", [(1, 1), (7, 20), (64, 33)])
def test_parts_are_the_subbands_of_the_wavelet(size):
    schedule, seen = SubbandSchedule(3), np.zeros((1, *size), int)
    names = [band.where for band in subbands(*size, 3)]
    for smooth in schedule.smooth([seen.shape]):
        at([seen], smooth.where)[:] += 1
    found = [part.where for sheet in schedule.sheets([seen.shape]) for part in sheet.parts]
    for where in found:
        at([seen], where)[:] += 1
    assert (seen == 1).all()
    assert [where[2:] for where in found] == [tuple(where[1:]) for where in names[1:]]


def test_bins_hold_finished_numbers_alone():
    """What is not decoded yet must not matter: other numbers there leave the bins as they are."""
    subject = codec(2)
    random = np.random.default_rng(3)
    subject.entropy_model.weights[:] = torch.from_numpy(
        random.integers(0, 4, tuple(subject.entropy_model.weights.shape))
    )
    q = sparse((3, 16, 16))

    def bins(q):
        sheets = subject.schedule.sheets([q.shape])
        return [
            step.bins
            for sheet in sheets
            for part in sheet.parts
            for step in subject.steps(sheet, part, at([q], part.where))
        ]

    other, (first, *rest) = q.copy(), bins(q)
    last = [part for sheet in subject.schedule.sheets([q.shape]) for part in sheet.parts][-1]
    at([other], last.where)[1::2, 0::2] += 5  # the last phase of the last part
    changed = bins(other)
    assert all(np.array_equal(a, b) for a, b in zip([first, *rest], changed, strict=True))


def test_fitting_saves_bits_and_weighs_what_helps():
    random = np.random.default_rng(0)
    rough = np.kron(random.random((2, 8, 8)) < 0.3, np.ones((1, 8, 8)))

    def latents():
        return [
            [np.round(rough * np.random.default_rng(seed).normal(0, 4, rough.shape)).astype(np.int32)]
            for seed in range(4)
        ]

    subject, (q,) = codec(2), latents()[0]
    before = len(subject.encode([q])[0])
    fit(subject, latents, lambda line: None)
    assert len(subject.encode([q])[0]) < 0.8 * before
    assert subject.entropy_model.weights.sum() > 0
    assert np.array_equal(subject.decode(subject.encode([q]), [q.shape])[0], q)


def test_first_streams_decode_without_the_others():
    subject, q = codec(3, split=True), sparse((3, 40, 24))
    strings = subject.encode([q])
    assert len(strings) == 4
    (small,) = subject.decode(strings[:2], [q.shape], sheets=1)
    assert np.array_equal(small[:, :10, :6], q[:, :10, :6]) and not small[:, 10:].any()
    with pytest.raises(FormatError, match="sheet 2"):
        subject.decode(strings[:2], [q.shape])
    with pytest.raises(FormatError, match="belong to no sheet"):
        subject.decode([*strings, strings[-1]], [q.shape])


def test_streams_are_the_same_in_another_process_state_and_thread_count():
    subject, q = codec(), sparse((3, 50, 50))
    threads = torch.get_num_threads()
    string = subject.encode([q])
    try:
        torch.set_num_threads(1)
        assert copy.deepcopy(subject).encode([q]) == string
    finally:
        torch.set_num_threads(threads)


def test_new_tables_are_used_at_once():
    subject, q = codec(), sparse((1, 20, 20))
    string = subject.encode([q])
    counts = np.zeros(tuple(subject.entropy_model.frequencies.shape))
    counts[..., 3] = 1000
    subject.entropy_model.fit_tables(counts, np.ones((3, 2)))
    assert subject.encode([q]) != string


def test_damage_is_a_typed_error():
    subject, q = codec(2), sparse((3, 12, 12))
    (string,) = subject.encode([q])
    missed = 0
    for at_byte in range(len(string)):
        damaged = bytearray(string)
        damaged[at_byte] ^= 1 << (at_byte % 8)
        try:
            subject.decode([bytes(damaged)], [q.shape])
            missed += 1
        except TinifyError:
            pass
        with pytest.raises(TinifyError):
            subject.decode([string[:at_byte]], [q.shape])
    assert missed <= 1  # the check of so short a stream has 15 bits; a file has a checksum besides
    for strings in ([], [string, string], [b""]):
        with pytest.raises(FormatError):
            subject.decode(strings, [q.shape])
    with pytest.raises(FormatError, match="do not hold"):
        subject.decode([string], [(3, 1 << 20, 1 << 20)])


def test_tensors_go_in_batches():
    subject = codec(2, split=True)
    y = torch.from_numpy(np.stack([sparse((3, 12, 20), seed) for seed in range(3)]))
    out = subject.compress(y)
    assert [len(stream) for stream in out.strings] == [3, 3, 3]
    assert torch.equal(subject.decompress(out.strings, out.shape).y_hat, y)
    assert 0 < float(subject(y).likelihoods["y"].mean()) < 1
    with pytest.raises(FormatError, match="damaged"):
        subject.decompress([out.strings[0][:1], *out.strings[1:]], out.shape)


def test_a_model_of_another_schedule_is_refused():
    with pytest.raises(ConfigError, match="schedule has 36"):
        ScheduledLatentCodec(SubbandSchedule(2), Neighbourhood(3, 5), EdgeModel())
