# SPDX-License-Identifier: Apache-2.0
"""Planes of block transforms: any coefficients, sizes and steps come back, prefixes decode, damage is a typed error."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinify.entropy_models.block_contexts import BlockContexts
from tinify.entropy_models.edge import EdgeModel
from tinify.errors import ConfigError, FormatError, LimitError, TinifyError
from tinify.latent_codecs.block_planes import BlockPlanes
from tinify.latent_codecs.block_schedule import BESIDE, CLASSES, FREQUENCIES, GROUPS, NEAR, NOBODY, OWN, beside, near
from tinify.latent_codecs.block_sheet import BlockSheet
from tinify.latent_codecs.lattices import FOUR_PHASES
from tinify.training.block_planes import fit
from tinify.transforms.block_dct import zigzag


def codec(sets=2, sections=(5, 20, 63)):
    return BlockPlanes(BlockContexts(GROUPS, NEAR, BESIDE, sets), EdgeModel(2), sections)


def steps_of(count, seed=0):
    random = np.random.default_rng(seed)
    return [random.integers(1, 200, 64) for _ in range(count)]


def sparse(size, seed=0, largest=9):
    random = np.random.default_rng(seed)
    shape = (64, *size)
    falling = random.random(shape) < 0.6 / (1 + np.arange(64)[:, None, None] / 8)
    return (random.integers(-largest, largest + 1, shape) * falling).astype(np.int32)


def smooth_blocks(size, seed):
    """Coefficients of blocks of a smooth picture: neighbours tell a lot."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[: 8 * size[0], : 8 * size[1]]
    picture = sum(a * np.sin(x / b + y / c) for a, b, c in random.uniform(8, 40, (5, 3))) + random.normal(0, 3, x.shape)
    basis = np.cos(np.pi * (2 * np.arange(8) + 1) * np.arange(8)[:, None] / 16) / 2
    basis[0] /= np.sqrt(2)
    blocks = picture.reshape(size[0], 8, size[1], 8).transpose(0, 2, 1, 3)
    y = (basis @ blocks @ basis.T).reshape(*size, 64)[..., zigzag(8).numpy()]
    return np.ascontiguousarray(np.round(y.transpose(2, 0, 1) / 12), np.int32)


def assert_back(subject, planes, steps):
    back = subject.decode(subject.encode(planes, steps), [q.shape[1:] for q in planes], steps)
    assert all(np.array_equal(a, b) for a, b in zip(back, planes, strict=True))


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=4),
       st.sampled_from([1, 40, 1500, 32767]), st.integers(0, 99))  # fmt: skip
def test_any_coefficients_of_any_sizes_come_back(sizes, largest, seed):
    assert_back(codec(), [sparse(size, seed, largest) for size in sizes], steps_of(len(sizes), seed))


@pytest.mark.parametrize("sections", [(63,), (1, 63), (4, 24, 63)])
def test_sections_are_strings_of_their_own(sections):
    subject, planes, steps = codec(sections=sections), [sparse((6, 5))], steps_of(1)
    assert len(subject.encode(planes, steps)) == 1 + len(sections)
    assert_back(subject, planes, steps)


def test_nothing_costs_next_to_nothing():
    planes = [np.zeros((64, 6, 5), np.int32)] * 3
    strings = codec().encode(planes, steps_of(3))
    assert len(strings[0]) < 60 and strings[1:] == [b"", b"", b""]


def test_the_first_strings_give_the_coarse_planes():
    subject, planes, steps = codec(), [sparse((6, 7), 1), sparse((3, 4), 2)], steps_of(2)
    strings = subject.encode(planes, steps)
    for count, last in ((1, 0), (2, 5), (3, 20), (4, 63)):
        back = subject.decode(strings[:count], [(6, 7), (3, 4)], steps)
        for q, found in zip(planes, back, strict=True):
            assert np.array_equal(found[: last + 1], q[: last + 1]) and not found[last + 1 :].any()


def test_what_is_fitted_makes_like_blocks_smaller():
    steps, plain, fitted = [np.full(64, 12)] * 2, codec(), codec()
    fit(
        fitted,
        lambda: [([smooth_blocks((12, 12), s), smooth_blocks((6, 6), s)], steps) for s in range(6)],
        lambda _: None,
    )
    planes = [smooth_blocks((12, 12), 50), smooth_blocks((6, 6), 50)]
    sizes = [sum(map(len, each.encode(planes, steps))) for each in (plain, fitted)]
    assert sizes[1] < 0.8 * sizes[0]
    assert_back(fitted, planes, steps)


def test_other_steps_are_a_damaged_stream_or_other_numbers():
    subject, steps = codec(), [np.full(64, 12)]
    fit(subject, lambda: [([smooth_blocks((10, 10), s)], steps) for s in range(3)], lambda _: None)
    planes = [smooth_blocks((10, 10), 9)]
    strings = subject.encode(planes, steps)
    with pytest.raises(FormatError):
        subject.decode(strings, [(10, 10)], [steps[0] * np.arange(1, 65)])


def test_coefficients_at_the_border_of_their_range_come_back():
    q = np.zeros((64, 3, 3), np.int32)
    q[::7] = 32767
    q[1::7] = -32767
    assert_back(codec(), [q], [np.full(64, 65535)])


@pytest.mark.parametrize("seed", range(3))
def test_damaged_strings_are_typed_errors(seed):
    subject, planes, steps = codec(), [sparse((8, 9), seed), sparse((4, 5), seed)], steps_of(2)
    strings, random, refused = subject.encode(planes, steps), np.random.default_rng(seed), 0
    for _ in range(40):
        damaged = [bytearray(string) for string in strings]
        one = damaged[random.integers(len(damaged))]
        if random.random() < 0.3:
            del one[random.integers(len(one)) :]
        else:
            one[random.integers(len(one))] ^= 1 << random.integers(8)
        try:
            subject.decode(list(map(bytes, damaged)), [(8, 9), (4, 5)], steps)
        except TinifyError as error:
            assert isinstance(error, FormatError)
            refused += 1
    assert refused > 30


def test_more_blocks_than_bytes_can_hold_are_refused():
    strings = codec().encode([sparse((2, 2))], steps_of(1))
    with pytest.raises(LimitError):
        codec().decode(strings, [(1 << 15, 1 << 15)], steps_of(1))


@pytest.mark.parametrize(("count", "sizes"), [(0, 1), (5, 1), (4, 0), (4, 5)])
def test_other_numbers_of_strings_and_components_are_format_errors(count, sizes):
    strings = codec().encode([sparse((2, 2))], steps_of(1))
    with pytest.raises(FormatError):
        codec().decode((strings * 2)[:count], [(2, 2)] * sizes, steps_of(max(sizes, 1)))


@pytest.mark.parametrize("sections", [(), (5,), (20, 5, 63), (0, 63), (5, 5, 63)])
def test_impossible_sections_are_config_errors(sections):
    with pytest.raises(ConfigError, match="sections"):
        codec(sections=sections)


def test_contexts_of_other_taps_are_config_errors():
    with pytest.raises(ConfigError, match="contexts"):
        BlockPlanes(BlockContexts(GROUPS, NEAR - 1, BESIDE), EdgeModel(2))


def test_a_copy_codes_alike():
    subject, planes, steps = codec(), [sparse((4, 4))], steps_of(1)
    assert copy.deepcopy(subject).encode(planes, steps) == subject.encode(planes, steps)


def test_frequencies_are_along_the_zigzag():
    assert [8 * v + u for v, u in FREQUENCIES] == zigzag(8).tolist()


@pytest.mark.parametrize("component", range(4))
@pytest.mark.parametrize("plane", [1, 2, 9, 63])
def test_taps_are_of_what_is_known_before(component, plane):
    for taps, count in ((near(component, plane), NEAR), (beside(component, plane), BESIDE)):
        assert taps.shape == (count, 4)
        whose, planes, down, right = taps[taps[:, 0] != NOBODY].T
        assert (planes <= plane).all() and np.abs([down, right]).max() <= 2
        assert component < CLASSES or (whose <= component).all()
        here = (whose == OWN) & (planes == plane)
        assert (np.abs([down, right]).sum(0)[here] > 0).all()


def test_what_is_around_is_found_across_phases():
    sheet, taps = (
        BlockSheet(5, 6, others=False),
        np.array([(OWN, 9, i, j) for i in (-2, -1, 0, 1, 2) for j in (-2, -1, 1, 2)]),
    )
    whole = np.arange(1, 31, dtype=np.int32).reshape(5, 6)
    for (lattice,) in FOUR_PHASES:
        sheet.put(9, lattice, 1, np.ascontiguousarray(whole[lattice.where]))
    padded = np.pad(whole, 2)
    for (lattice,) in FOUR_PHASES:
        offsets = sheet.places(taps, lattice)
        for i, j in np.ndindex(lattice.size(5, 6)):
            row, column = lattice.top + 2 * i, lattice.left + 2 * j
            found = sheet.values[offsets + i * sheet.across + j]
            wanted = [padded[2 + row + down, 2 + column + right] for _, _, down, right in taps]
            assert found.tolist() == wanted
