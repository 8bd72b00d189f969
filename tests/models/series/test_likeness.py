# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from tinify.errors import FormatError
from tinify.models.series.likeness import pack_reference, reference_of, unpack_reference


def test_the_companion_is_the_channel_that_moves_alike():
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 500)).cumsum(axis=1)
    assert reference_of(np.stack([a, b, -2 * a], axis=1)).tolist() == [2, -1, 0]


@pytest.mark.parametrize("shape", [(0, 2), (2, 3), (50, 1), (50, 2)])
def test_short_single_and_constant_series_have_none(shape):
    assert (reference_of(np.zeros(shape)) == -1).all()


@pytest.mark.parametrize("channels", [1, 3, 300])
def test_companions_come_back(channels):
    reference = np.roll(np.arange(channels), 1) if channels > 1 else np.array([-1])
    assert unpack_reference(pack_reference(reference), channels).tolist() == reference.tolist()
    assert pack_reference(np.full(channels, -1)) == b""


@pytest.mark.parametrize("data", [b"\1", b"\1\2\3\4", b"\1\0\0", b"\4\0\0"])
def test_bytes_that_name_no_companions_are_a_format_error(data):
    with pytest.raises(FormatError):
        unpack_reference(data, 3)
