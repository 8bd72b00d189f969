# SPDX-License-Identifier: Apache-2.0
import pytest

from tinify.training.schedule import Schedule, cosine


class Clock:
    """Goes on by `seconds` whenever it is read."""

    def __init__(self, seconds):
        self.now, self.seconds = 0.0, seconds

    def __call__(self):
        self.now += self.seconds
        return self.now


def test_without_minutes_the_steps_decide():
    shares = [share for _, share in Schedule(4, clock=Clock(1e9))]
    assert shares == [0.25, 0.5, 0.75, 1.0]


def test_minutes_end_a_training_before_its_steps():
    steps = list(Schedule(1000, minutes=1.0, clock=Clock(2.0)))
    assert 5 < len(steps) < 40
    shares = [share for _, share in steps]
    assert shares == sorted(shares) and shares[-1] > 0.9


def test_the_share_follows_the_steps_where_there_is_time():
    assert [share for _, share in Schedule(2, minutes=1.0, clock=Clock(0.0))] == [0.5, 1.0]


def test_the_cosine_goes_from_one_to_zero():
    assert cosine(0.0) == 1.0 and cosine(0.5) == pytest.approx(0.5) and cosine(1.0) == pytest.approx(0.0)
