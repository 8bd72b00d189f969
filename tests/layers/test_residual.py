# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from tinify.layers import (
    AttentionBlock,
    ResidualBlock,
    ResidualBlockUpsample,
    ResidualBlockWithStride,
    ResidualBottleneckBlock,
)

BLOCKS = [
    (ResidualBlock, (6, 6), {}, 1),
    (ResidualBlock, (6, 8), {}, 1),
    (ResidualBlockWithStride, (6, 6), {}, 1 / 2),
    (ResidualBlockWithStride, (6, 8), {"stride": 1}, 1),
    (ResidualBlockWithStride, (6, 6), {"stride": 1}, 1),
    (ResidualBlockUpsample, (6, 8), {}, 2),
    (ResidualBlockUpsample, (6, 6), {"upsample": 3}, 3),
    (ResidualBottleneckBlock, (6, 6), {}, 1),
    (ResidualBottleneckBlock, (6, 8), {}, 1),
    (AttentionBlock, (6,), {}, 1),
]
IDS = [f"{kind.__name__}-{'-'.join(map(str, args))}-{factor}" for kind, args, _, factor in BLOCKS]


@pytest.fixture(params=BLOCKS, ids=IDS)
def block(request):
    kind, args, kwargs, factor = request.param
    torch.manual_seed(0)
    return kind(*args, **kwargs), args[-1], factor


def test_a_block_has_the_shape_that_it_says(block):
    layer, channels, factor = block
    assert layer(torch.randn(2, 6, 8, 12)).shape == (2, channels, 8 * factor, 12 * factor)


def test_a_block_leaves_its_input_alone(block):
    x = torch.randn(2, 6, 8, 12)
    before = x.clone()
    with torch.no_grad():
        block[0](x)
    assert torch.equal(x, before)


def test_a_block_gives_the_same_with_and_without_gradients(block):
    layer, x = block[0], torch.randn(2, 6, 8, 12)
    with torch.no_grad():
        without = layer(x)
    torch.testing.assert_close(layer(x).detach(), without, rtol=1e-5, atol=1e-6)


def test_every_parameter_of_a_block_and_its_input_have_a_gradient(block):
    layer, x = block[0], torch.randn(2, 6, 8, 12, requires_grad=True)
    layer(x).square().sum().backward()
    assert x.grad.abs().sum() > 0
    assert all(p.grad.abs().sum() > 0 for p in layer.parameters())


@pytest.mark.parametrize(
    ("kind", "args", "has_skip"),
    [(ResidualBlock, (6, 6), False), (ResidualBlock, (6, 4), True), (ResidualBlockWithStride, (6, 6), True),
     (ResidualBlockWithStride, (6, 6, 1), False), (ResidualBottleneckBlock, (6, 6), False),
     (ResidualBottleneckBlock, (6, 4), True)],
)  # fmt: skip
def test_the_skip_has_weights_only_where_shapes_change(kind, args, has_skip):
    assert any(key.startswith("skip.") for key in kind(*args).state_dict()) == has_skip


def test_an_attention_block_whose_mask_is_closed_passes_its_input_on():
    block, x = AttentionBlock(4), torch.randn(1, 4, 5, 5)
    with torch.no_grad():
        block.conv_b[-1].weight.zero_()
        block.conv_b[-1].bias.fill_(-1000)
        assert torch.equal(block(x), x)
