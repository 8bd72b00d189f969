# SPDX-License-Identifier: Apache-2.0
import threading
import time

import pytest

from tinify.entropy_coder import get_entropy_coder, using_entropy_coder
from tinify.errors import FormatError
from tinify.models.in_order import counted, in_order


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_results_come_in_order_and_few_at_a_time(threads):
    taken, finished, lock = [], [], threading.Lock()

    def items():
        for number in range(20):
            taken.append(number)
            yield number

    def work(number):
        time.sleep(0.001 * (number % 3))
        with lock:
            finished.append(number)
        return number * number

    for number, result in enumerate(in_order(work, items(), threads)):
        assert result == number * number
        assert len(taken) <= number + threads + 1
    assert sorted(finished) == list(range(20))


@pytest.mark.parametrize("threads", [1, 2])
def test_the_entropy_coder_in_use_is_the_same_on_every_thread(threads):
    with using_entropy_coder("rangecoder"):
        assert set(in_order(lambda item: get_entropy_coder(), range(5), threads)) == {"rangecoder"}


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_comes_out_and_stops_the_work(threads):
    started = []

    def work(number):
        started.append(number)
        if number == 3:
            raise FormatError("damaged")
        return number

    with pytest.raises(FormatError, match="damaged"):
        list(in_order(work, range(1000), threads))
    assert len(started) < 20


def test_progress_is_told_after_each_result():
    seen = []
    assert list(counted(iter("abc"), 3, lambda done, total: seen.append((done, total)))) == ["a", "b", "c"]
    assert seen == [(1, 3), (2, 3), (3, 3)]
