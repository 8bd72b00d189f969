# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from tinify.errors import ConfigError
from tinify.layers.tcn import TemporalBlock
from tinify.models.series.tcrae import Tcrae


def build(**kwargs):
    torch.manual_seed(0)
    return Tcrae(**{"window": 16, "width": 8, "latents": 4, "dilations": (1, 2, 4), **kwargs})


@pytest.mark.parametrize("direction", ["reverse", "attention"])
def test_a_window_is_one_vector_and_back(direction):
    codec, x = build(direction=direction), torch.randn(5, 16)
    y = codec.analysis(x)
    assert y.shape == (5, 1, 4)
    assert codec.synthesis(y, torch.ones(5)).shape == (5, 16)


@torch.no_grad()
def test_the_last_sample_is_decoded_first():
    codec = build()
    code = torch.randn(3, 1, 4)
    short, whole = build(window=6), codec.synthesis(code, torch.ones(3))
    short.load_state_dict(codec.state_dict())
    torch.testing.assert_close(short.synthesis(code, torch.ones(3)), whole[:, -6:])


@torch.no_grad()
def test_the_encoder_is_the_last_step_of_plain_dilated_convolutions():
    codec, x = build(dilations=(1, 2, 8)), torch.randn(3, 16)
    h = x[:, None]
    for block, dilation in zip(codec.encoder, (1, 2, 8), strict=True):
        plain = TemporalBlock(h.shape[1], 8, 3, dilation, causal=True)
        plain.load_state_dict(block.state_dict())
        h = plain(h)
    torch.testing.assert_close(codec.last_step(x[:, None]), h[:, :, -1])


@torch.no_grad()
def test_a_window_s_mean_and_deviation_begin_as_numbers_of_the_code():
    codec, x = build(), torch.randn(5, 16)
    loud = codec.analysis(3 + 100 * x)[:, 0]
    torch.testing.assert_close(loud[:, 0], 3 + 100 * x.mean(1))
    quiet = codec.synthesis(torch.tensor([[[3.0, 0.0, 0, 0]]]), torch.ones(1)) - 3
    codec.to_level.weight[1, 1] = 0  # the recurrent network sees the size, too
    same = codec.synthesis(torch.tensor([[[3.0, 2.0, 0, 0]]]), torch.ones(1)) - 3
    codec.to_level.weight[1, 1] = 1
    loud = codec.synthesis(torch.tensor([[[3.0, 2.0, 0, 0]]]), torch.ones(1)) - 3
    torch.testing.assert_close(loud, same * torch.tensor(2.0).exp())
    assert loud.std() > quiet.std()


@torch.no_grad()
def test_attention_weighs_both_runs_at_every_step():
    codec = build(direction="attention")
    a, b = torch.randn(2, 3, 16, 12)
    merged = codec.merge(a, b)
    weight = (merged - b) / (a - b)
    torch.testing.assert_close(weight, weight[..., :1].expand_as(weight), atol=1e-3, rtol=0)
    assert weight.min() > 0 and weight.max() < 1
    codec.merge.score[0].weight.mul_(1e3)
    swapped = codec.merge(b, a)
    torch.testing.assert_close(swapped, codec.merge(a, b))


@pytest.mark.parametrize("direction", ["reverse", "attention"])
def test_every_trained_parameter_gets_a_gradient_and_the_decoder_has_no_input(direction):
    codec, x = build(direction=direction), torch.randn(5, 16)
    (codec.synthesis(codec.analysis(x), torch.ones(5)) - x).square().mean().backward()
    frozen = [name for name, p in codec.named_parameters() if not p.requires_grad]
    missing = [name for name, p in codec.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.any())]
    assert not missing
    assert all("weight_ih" in name for name in frozen) and len(frozen) == len(codec.decoders)


def test_width_sets_the_number_of_parameters():
    counts = [sum(p.numel() for p in Tcrae(width=width).parameters()) for width in (32, 64, 70)]
    assert counts == sorted(counts) and 100_000 < counts[1] < 200_000


def test_what_is_not_allowed_is_named():
    with pytest.raises(ConfigError, match='direction is "forward"'):
        build(direction="forward")
    with pytest.raises(ConfigError, match=r"dilations \[2, 3\]"):
        build(dilations=(2, 3))
