# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from tinify.entropy_models import EntropyBottleneck
from tinify.latent_codecs import EntropyBottleneckLatentCodec, Gain, GainLatentCodec


def test_at_the_start_gains_rise_in_even_ratios_and_the_inverse_undoes_them():
    gain = Gain(3, levels=5, low=1.0, high=16.0)
    values = [gain.at(level)[0][0, 0].item() for level in range(5)]
    assert values == pytest.approx([1, 2, 4, 8, 16], rel=1e-5)
    for level in (0, 1.3, 4):
        forward, inverse = gain.at(level)
        assert forward.shape == inverse.shape == (1, 3, 1, 1)
        torch.testing.assert_close(forward * inverse, torch.ones(1, 3, 1, 1))


def test_between_two_levels_the_gain_is_their_geometric_mean():
    gain = Gain(2, levels=3)
    with torch.no_grad():
        gain.log_gain.normal_()
    low, middle, high = (gain.at(level)[0] for level in (1, 1.5, 2))
    torch.testing.assert_close(middle, (low * high).sqrt())


@pytest.mark.parametrize(("outside", "inside"), [(-1, 0), (7.5, 3), (1e9, 3)])
def test_levels_outside_the_range_are_its_ends(outside, inside):
    gain = Gain(2, levels=4)
    assert torch.equal(gain.at(outside)[0], gain.at(inside)[0])


def test_one_level_is_enough():
    assert Gain(2, levels=1, low=3.0).at(0)[0].flatten().tolist() == pytest.approx([3, 3])


def test_both_levels_around_a_rate_learn_and_the_others_do_not():
    gain = Gain(2, levels=4)
    forward, inverse = gain.at(1.25)
    (forward + inverse).sum().backward()
    for table in (gain.log_gain, gain.log_inverse):
        assert table.grad[1:3].all() and not table.grad[[0, 3]].any()


@torch.no_grad()
def test_a_larger_gain_spends_more_bits_and_comes_nearer():
    inner = EntropyBottleneckLatentCodec(EntropyBottleneck(2)).eval()
    gain, y = Gain(2, levels=4), torch.randn(1, 2, 16, 16)
    codecs = [GainLatentCodec(inner, *gain.at(level)) for level in range(4)]
    sizes = [len(c.compress(y).strings[0][0]) for c in codecs]
    errors = [(c(y).y_hat - y).square().mean().item() for c in codecs]
    assert sizes == sorted(sizes) and sizes[0] < sizes[-1]
    assert errors == sorted(errors, reverse=True) and errors[-1] < errors[0]
