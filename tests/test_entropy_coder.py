# SPDX-License-Identifier: Apache-2.0
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tinify.entropy_coder import (
    available_entropy_coders,
    get_entropy_coder,
    set_entropy_coder,
    using_entropy_coder,
)
from tinify.errors import UnknownComponentError


@pytest.fixture(autouse=True)
def _restore():
    before = get_entropy_coder()
    yield
    set_entropy_coder(before)


def test_rans32_is_used_unless_something_else_is_said():
    assert get_entropy_coder() == "rans32"


def test_the_three_native_coders_are_available():
    assert {"rans32", "rans64", "rangecoder"} <= set(available_entropy_coders())


def test_a_coder_is_set_by_name_and_the_name_is_returned():
    assert set_entropy_coder("rangecoder") == get_entropy_coder() == "rangecoder"


def test_the_name_that_compressai_uses_means_the_coder_of_its_streams():
    assert set_entropy_coder("ans") == get_entropy_coder() == "rans64"


def test_an_unknown_name_changes_nothing():
    with pytest.raises(UnknownComponentError, match="rans23"):
        set_entropy_coder("rans23")
    with pytest.raises(UnknownComponentError), using_entropy_coder("rans23"):
        pass
    assert get_entropy_coder() == "rans32"


def test_blocks_nest_and_end_even_with_an_error():
    with pytest.raises(RuntimeError), using_entropy_coder("rans64"):
        with using_entropy_coder("rangecoder"):
            assert get_entropy_coder() == "rangecoder"
        assert get_entropy_coder() == "rans64"
        raise RuntimeError
    assert get_entropy_coder() == "rans32"


def test_threads_do_not_see_each_others_coder():
    names, meeting = ["rans32", "rans64", "rangecoder"], threading.Barrier(3)

    def work(name):
        with using_entropy_coder(name):
            meeting.wait(timeout=10)
            seen = get_entropy_coder()
            meeting.wait(timeout=10)
        return seen

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(work, names)) == names
    assert get_entropy_coder() == "rans32"
