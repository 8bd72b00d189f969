# SPDX-License-Identifier: Apache-2.0
"""Blocks of native layers: sequences, residual blocks, attention."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import prod

from torch import Tensor, nn

from tinify.layers.attention import AttentionBlock, _ResidualUnit
from tinify.layers.native_layers import Convolution, Room, convolution, gate, shuffled, slope_of
from tinify.layers.residual import (
    ResidualBlock,
    ResidualBlockUpsample,
    ResidualBlockWithStride,
    ResidualBottleneckBlock,
)

# Of features in a room, features in the same room; x is not given back.
Step = Callable[[Tensor, Room], Tensor]


class Chain:
    """Steps one after the other; what only the next one reads is given back."""

    def __init__(self, steps: Iterable[Step]):
        self.steps = list(steps)

    def __call__(self, x: Tensor, room: Room) -> Tensor:
        with room.kept(x):
            y = self.steps[0](x, room) if self.steps else x
        for step in self.steps[1:]:
            x, y = y, step(y, room)
            if x.data_ptr() != y.data_ptr():
                room.give(x)
        return y


class Residual:
    """y = after(branch(x) + skip(x)): the branch's last convolution adds.

    x ─┬► first ► .. ► last ─► + ─► after ─►
       └────────► skip ────────┘
    """

    def __init__(self, branch: list[Convolution], skip: Step | None = None, after: float = 1.0):
        self.inner, self.last, self.skip, self.after = Chain(branch[:-1]), branch[-1], skip, after

    def __call__(self, x: Tensor, room: Room) -> Tensor:
        inner = self.inner(x, room)
        added = x if self.skip is None else self.skip(x, room)
        y = self.last(inner, room, added, self.after)
        if y is not added and added is not x:
            room.give(added)
        room.give(inner)
        return y


class Attention:
    """y = x + a(x) * sigmoid(b(x))."""

    def __init__(self, a: Chain, b: Chain):
        self.a, self.b = a, b

    def __call__(self, x: Tensor, room: Room) -> Tensor:
        a, b = self.a(x, room), self.b(x, room)
        y = x
        if not room.owns(x):
            y = room.take(*x.shape)
            y.copy_(x)
        gate(a, b, y)
        room.give(a)
        room.give(b)
        return y


class Torch:
    """A layer that torch computes."""

    def __init__(self, layer: nn.Module):
        self.layer = layer

    def __call__(self, x: Tensor, room: Room) -> Tensor:
        y = self.layer(x)
        return y.clone() if y.untyped_storage().data_ptr() == x.untyped_storage().data_ptr() else y


def chain(layers: Iterable[nn.Module]) -> Chain:
    """The layers, native where they can be."""
    steps: list[Step] = []
    for layer, shuffle in _pairs(_flat(layers)):
        previous = steps[-1] if steps else None
        if isinstance(previous, Convolution) and previous.take(layer):
            continue
        joined = shuffled(layer, shuffle) if shuffle is not None else None
        steps.append(joined or native(layer) or Torch(layer))
        if shuffle is not None and joined is None:
            steps.append(Torch(shuffle))
    return Chain(steps)


def native(layer: nn.Module) -> Step | None:
    """The native equal of a layer or a block, None where there is none."""
    return _BLOCKS.get(type(layer), convolution)(layer)


def growth(layer: nn.Module) -> int:
    """How many pixels a layer or a block makes of one, where it enlarges."""
    if isinstance(layer, nn.ConvTranspose2d):
        return layer.stride[0] * layer.stride[1]
    if isinstance(layer, ResidualBlockUpsample):
        layer = layer.subpel_conv
    if isinstance(layer, nn.Sequential):
        return prod(growth(part) for part in layer)
    return layer.upscale_factor**2 if isinstance(layer, nn.PixelShuffle) else 1


def _flat(layers: Iterable[nn.Module]) -> Iterator[nn.Module]:
    for layer in layers:
        yield from _flat(layer) if type(layer) is nn.Sequential else (layer,)


def _pairs(layers: Iterable[nn.Module]) -> Iterator[tuple[nn.Module, nn.PixelShuffle | None]]:
    """Each layer, and the pixel shuffle behind a convolution with it."""
    layers = list(layers)
    while layers:
        layer = layers.pop(0)
        shuffles = layers and type(layers[0]) is nn.PixelShuffle and type(layer) is nn.Conv2d
        yield layer, layers.pop(0) if shuffles else None


def _branch(*layers: nn.Module) -> list[Convolution] | None:
    """Convolutions, each with the activation or normalisation that follows; None where one has no native form."""
    steps = chain(layers).steps
    return steps if all(isinstance(step, Convolution) for step in steps) else None


def _residual(layers: list[nn.Module], skip: nn.Module | None, after: float = 1.0) -> Residual | None:
    branch, skips = _branch(*layers), _branch(skip) if skip is not None else []
    if branch is None or skips is None:
        return None
    return Residual(branch, skips[0] if skips else None, after)


def _block(block: ResidualBlock) -> Residual | None:
    return _residual([block.conv1, block.leaky_relu, block.conv2, block.leaky_relu], block.skip)


def _with_stride(block: ResidualBlockWithStride) -> Residual | None:
    return _residual([block.conv1, block.leaky_relu, block.conv2, block.gdn], block.skip)


def _upsample(block: ResidualBlockUpsample) -> Residual | None:
    return _residual([block.subpel_conv, block.leaky_relu, block.conv, block.igdn], block.upsample)


def _bottleneck(block: ResidualBottleneckBlock) -> Residual | None:
    skip = None if type(block.skip) is nn.Identity else block.skip
    return _residual([block.conv1, block.relu1, block.conv2, block.relu2, block.conv3], skip)


def _unit(unit: _ResidualUnit) -> Residual | None:
    after = slope_of(unit.relu)
    return None if after is None else _residual([unit.conv], None, after)


def _attention(block: AttentionBlock) -> Attention | None:
    a, b = chain(block.conv_a), chain(block.conv_b)
    whole = all(isinstance(step, Convolution | Residual) for step in a.steps + b.steps)
    return Attention(a, b) if whole and a.steps and b.steps else None


_BLOCKS: dict[type, Callable] = {
    ResidualBlock: _block,
    ResidualBlockWithStride: _with_stride,
    ResidualBlockUpsample: _upsample,
    ResidualBottleneckBlock: _bottleneck,
    _ResidualUnit: _unit,
    AttentionBlock: _attention,
}
