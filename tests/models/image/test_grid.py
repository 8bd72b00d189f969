# SPDX-License-Identifier: Apache-2.0
"""The decode grid on a small picture or two, and that it finds what it is for."""

import pytest
import torch

from tests.models.image.active import EVERY, make, tensor
from tests.models.image.grid import SETTINGS, Side, run
from tinify.errors import DesyncError
from tinify.models.entropy_path import quantize_entropy_path


@pytest.mark.parametrize("name", EVERY)
def test_what_is_written_under_any_setting_is_read_under_any(name):
    codec = make(name)
    tally = run(codec, tensor(64, 64, batch=5), codec.level_of(40))
    assert tally.failures == []
    assert (tally.files, tally.readings) == (25, 125)


@torch.no_grad()
@pytest.mark.parametrize("name", EVERY)
def test_bits_are_the_estimated_ones(name):
    """Half a per cent and, for each stream, the coder's state and check."""
    codec = make(name)
    tally = run(codec, tensor(512, 768), codec.level_of(60), SETTINGS[:1])
    assert tally.estimated > 50_000
    assert tally.distance < 0.005 * tally.estimated + 64 * tally.streams


def test_a_latent_of_other_contexts_is_a_failure(monkeypatch):
    codec, read = make("mbt2018-mean"), Side.read

    def wrong(side, files, shape, level):
        if side.setting.threads == 2:
            raise DesyncError("the contexts differ")
        latents = read(side, files, shape, level)
        return [b"" for _ in latents] if side.setting.layout == torch.channels_last else latents

    monkeypatch.setattr(Side, "read", wrong)
    tally = run(codec, tensor(64, 64), None, SETTINGS[:3])
    assert len(tally.failures) == 6
    assert "1 thread, channels first -> 2 threads: the contexts differ" in tally.failures


def test_the_grid_holds_after_the_entropy_path_is_made_exact():
    codec = make("mbt2018")
    quantize_entropy_path(codec)
    assert run(codec, tensor(64, 64, batch=4)).failures == []
