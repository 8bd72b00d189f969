# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from tinify.errors import FormatError
from tinify.models.series.mixing import DIRECTIONS, Mixing


def together(channels, rows=500):
    random = np.random.default_rng(0)
    common = random.standard_normal((rows, 1))
    return (common + 0.1 * random.standard_normal((rows, channels))).astype(np.float32)


def test_few_channels_are_rotated_and_come_back():
    z = together(5)
    mixing = Mixing.of(z)
    assert mixing.complete and len(mixing.stored) == 25
    assert np.allclose(mixing.unmix(mixing.mix(z)), z, atol=1e-5)
    power = np.square(mixing.mix(z)).sum(axis=0)
    assert power[0] > 0.9 * power.sum()


def test_of_many_channels_a_few_directions_explain_what_they_share():
    z = together(40)
    mixing = Mixing.of(z)
    assert not mixing.complete and mixing.directions.shape == (40, DIRECTIONS)
    left = z - mixing.unmix(mixing.mix(z))
    assert np.square(left).sum() < 0.02 * np.square(z).sum()


def test_the_bytes_alone_give_the_same_directions():
    mixing = Mixing.of(together(7))
    assert np.array_equal(Mixing.unpack(mixing.stored, 7).directions, mixing.directions)


def test_one_channel_or_one_row_is_not_mixed():
    assert Mixing.of(together(1)) is None and Mixing.of(together(3, rows=1)) is None


@pytest.mark.parametrize("stored", [b"", b"\x01\x02", bytes(9), b"\x01" * 9, bytes(12)])
def test_bytes_that_are_no_directions_are_a_format_error(stored):
    with pytest.raises(FormatError):
        Mixing.unpack(stored, 3)
