# SPDX-License-Identifier: Apache-2.0
"""Wavelets by lifting: Cohen-Daubechies-Feauveau 9/7 and 5/3, of any size, the 5/3 exact on integers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tinify.errors import ConfigError, InputError
from tinify.transforms import lifting_native


@dataclass(frozen=True)
class Wavelet:
    """Lifting steps: each adds `factor` times the sum of two neighbours, in turn to odd and to even samples.

    `scale`: of the low half at the end, 1 / scale of the high one. `rounding`, where integers have a version of the
    steps: (sign, offset, bits) of each, t += sign * ((sum + offset) >> bits), without scale.
    """

    factors: tuple[float, ...]
    scale: float
    rounding: tuple[tuple[int, int, int], ...] = ()


WAVELETS = {
    "9/7": Wavelet((-1.586134342059924, -0.052980118572961, 0.882911075530934, 0.443506852043971), 1.149604398860241),
    "5/3": Wavelet((-0.5, 0.25), 2**0.5, ((-1, 0, 1), (1, 2, 2))),
}


@dataclass(frozen=True)
class Subband:
    """Where one subband lies in the last two axes of what the analysis gives: `y[band.where]`.

    `kind` names the filter along rows first: "HL" is high-pass along rows, so it holds vertical edges.
    """

    level: int
    kind: str
    top: int
    left: int
    height: int
    width: int

    @property
    def where(self) -> tuple:
        return ..., slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


def subbands(height: int, width: int, levels: int) -> list[Subband]:
    """The subbands of a picture, coarse to fine: LL of the last level, then HL, LH, HH of each level down to level 1.

    A low half has ceil(n / 2) samples, a high half floor(n / 2), so that some subbands of small pictures are empty.
    """
    sizes = _sizes(height, width, levels)
    bands = [Subband(levels, "LL", 0, 0, *sizes[levels])]
    for level in range(levels, 0, -1):
        (low_height, low_width), (all_height, all_width) = sizes[level], sizes[level - 1]
        high_height, high_width = all_height - low_height, all_width - low_width
        bands.append(Subband(level, "HL", 0, low_width, low_height, high_width))
        bands.append(Subband(level, "LH", low_height, 0, high_height, low_width))
        bands.append(Subband(level, "HH", low_height, low_width, high_height, high_width))
    return bands


class _Lifting(nn.Module):
    def __init__(self, wavelet: str = "9/7", levels: int = 5):
        super().__init__()
        if wavelet not in WAVELETS or levels < 0:
            allowed = ", ".join(map(repr, WAVELETS))
            raise ConfigError(f"wavelet is {wavelet!r}, levels {levels}; allowed: {allowed}; 0 levels and more")
        self.name, self.wavelet, self.levels = wavelet, WAVELETS[wavelet], int(levels)

    def check(self, x: Tensor) -> None:
        if x.dim() < 2 or not x.numel():
            raise InputError(f"a tensor of shape {tuple(x.shape)}; allowed: (..., H, W), at least one sample")
        if not x.is_floating_point() and not (self.wavelet.rounding and x.dtype in (torch.int32, torch.int64)):
            raise InputError(f"{x.dtype} under the {self.name} wavelet; allowed: floats; int32 and int64 under 5/3")


class LiftingAnalysis(_Lifting):
    """x (..., H, W) -> y (..., H, W): the subbands in Mallat's arrangement, which `subbands` lists.

             along rows    along columns                  ┌────┬────┬─────────┐
        x ──► low, high ──► low, high ──► LL ──► again    │ LL │ HL │         │
                                     └──► HL, LH, HH      ├────┼────┤   HL    │
                                                          │ LH │ HH │         │
                                                          ├────┴────┼─────────┤
                                                          │   LH    │   HH    │
                                                          └─────────┴─────────┘

    Any size from 1 x 1 on, nobody pads: symmetric extension about the first and last sample; an axis of one sample is
    handed on as it is. Floats: low-pass filters have a gain of sqrt 2, which makes the synthesis vectors of the 9/7
    nearly orthonormal (`subband_norms` within 9 % of 1), so one step for all of them is best for the squared error.
    Integers (int32 and int64, 5/3 alone): steps are rounded and nothing is scaled; exact for |x| < 2^28.

    Source: Cohen, Daubechies, Feauveau 1992; Daubechies, Sweldens 1998, "Factoring wavelet transforms into lifting
    steps"; integers: Calderbank et al. 1998. Steps, extension and sizes are those of ITU-T T.800, annex F.
    """

    def forward(self, x: Tensor) -> Tensor:
        self.check(x)
        if lifting_native.suits(x, self.name, self.levels):
            return lifting_native.analysis(x, self.levels)
        return _Lifted.apply(x, self.wavelet, _sizes(*x.shape[-2:], self.levels), True, False)


class LiftingSynthesis(_Lifting):
    """y_hat (..., H, W) -> x_hat (..., H, W), the mirror of `LiftingAnalysis`.

    With `skip` it stops so many levels early: x_hat (..., ceil(H / 2^skip), ceil(W / 2^skip)) is the picture at that
    size, in the range of x, and needs only the subbands of the levels above `skip`: y_hat may be no more than the
    corner that holds these, if `size` (H, W) is told.
    """

    def forward(self, y_hat: Tensor, skip: int = 0, size: tuple[int, int] | None = None) -> Tensor:
        self.check(y_hat)
        if not 0 <= skip <= self.levels:
            raise InputError(f"skip is {skip}; allowed: 0 to {self.levels} levels")
        sizes = _sizes(*(size or y_hat.shape[-2:]), self.levels)
        top, left = sizes[skip]
        if y_hat.shape[-2] < top or y_hat.shape[-1] < left:
            raise InputError(
                f"subbands of {tuple(y_hat.shape)} do not hold the {top} x {left} of {size} at skip {skip}"
            )
        kept = y_hat[..., :top, :left]
        if lifting_native.suits(kept, self.name, self.levels):
            x_hat = lifting_native.synthesis(kept, self.levels - skip)
        else:
            x_hat = _Lifted.apply(kept, self.wavelet, sizes[skip:], False, False)
        doublings = sum((height > 1) + (width > 1) for height, width in sizes[:skip])
        return x_hat * 0.5 ** (doublings / 2) if doublings and x_hat.is_floating_point() else x_hat


def subband_norms(wavelet: str, levels: int) -> dict[tuple[int, str], float]:
    """(level, kind) -> the Euclidean norm of the synthesis vectors of that subband, for floats, far from the borders.

    An error of e in one number of the subband is a squared error of (norm e)^2 in the picture.
    """
    size, found = 32 << levels, {}
    synthesis = LiftingSynthesis(wavelet, levels).double()
    for band in subbands(size, size, levels):
        y = torch.zeros(size, size, dtype=torch.float64)
        y[band.top + band.height // 2, band.left + band.width // 2] = 1.0
        found[band.level, band.kind] = float(synthesis(y).norm())
    return found


class _Lifted(torch.autograd.Function):
    """All levels, in two buffers and in place; the gradient is the transposed walk, just as fast."""

    @staticmethod
    def forward(ctx, x: Tensor, wavelet: Wavelet, sizes: list[tuple[int, int]], down: bool, transposed: bool) -> Tensor:
        ctx.walk = wavelet, sizes, not down, not transposed
        return (_analyse if down else _synthesise)(x, wavelet, sizes, transposed)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        return _Lifted.apply(gradient, *ctx.walk), None, None, None, None


def _analyse(x: Tensor, wavelet: Wavelet, sizes: list[tuple[int, int]], transposed: bool) -> Tensor:
    """Splits level after level; transposed: what `_synthesise` does to a gradient."""
    y = torch.empty_like(x, memory_format=torch.contiguous_format)
    between = torch.empty_like(y)
    if len(sizes) == 1:
        y.copy_(x)
    for number, (height, width) in enumerate(sizes[:-1]):
        area = ..., slice(height), slice(width)
        _split(y[area] if number else x, between[area], -1, wavelet, transposed)
        _split(between[area], y[area], -2, wavelet, transposed)
        _scale(y[area], 1 / wavelet.scale if transposed else wavelet.scale)
    return y


def _synthesise(y: Tensor, wavelet: Wavelet, sizes: list[tuple[int, int]], transposed: bool) -> Tensor:
    """Joins level after level; transposed: what `_analyse` does to a gradient."""
    x = torch.empty_like(y, memory_format=torch.contiguous_format).copy_(y)
    between = torch.empty_like(x)
    for height, width in reversed(sizes[:-1]):
        area = ..., slice(height), slice(width)
        _scale(x[area], wavelet.scale if transposed else 1 / wavelet.scale)
        _join(x[area], between[area], -2, wavelet, transposed)
        _join(between[area], x[area], -1, wavelet, transposed)
    return x


def _sizes(height: int, width: int, levels: int) -> list[tuple[int, int]]:
    """Heights and widths of LL after 0, 1, ..., levels steps."""
    sizes = [(height, width)]
    for _ in range(levels):
        height, width = (height + 1) // 2, (width + 1) // 2
        sizes.append((height, width))
    return sizes


def _halves(x: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    low_size = (x.shape[axis] + 1) // 2
    return x.narrow(axis, 0, low_size), x.narrow(axis, low_size, x.shape[axis] - low_size)


def _every_second(x: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    return (x[..., ::2], x[..., 1::2]) if axis == -1 else (x[..., ::2, :], x[..., 1::2, :])


def _split(x: Tensor, out: Tensor, axis: int, wavelet: Wavelet, transposed: bool) -> None:
    """One level along one axis, unscaled: the low half of `out`, then its high half."""
    if x.shape[axis] < 2:
        out.copy_(x)
        return
    for half, samples in zip(_halves(out, axis), _every_second(x, axis), strict=True):
        half.copy_(samples)
    for number in range(len(wavelet.factors)):
        _step(*_halves(out, axis), axis, wavelet, number, -1 if transposed else 1, transposed)


def _join(y: Tensor, out: Tensor, axis: int, wavelet: Wavelet, transposed: bool) -> None:
    """Undoes `_split`; `y` is used up."""
    if y.shape[axis] < 2:
        out.copy_(y)
        return
    for number in reversed(range(len(wavelet.factors))):
        _step(*_halves(y, axis), axis, wavelet, number, 1 if transposed else -1, transposed)
    for samples, half in zip(_every_second(out, axis), _halves(y, axis), strict=True):
        samples.copy_(half)


def _scale(y: Tensor, scale: float) -> None:
    """Low halves times `scale`, high halves divided by it, along every axis of more than one sample."""
    if not y.is_floating_point():
        return
    upright, across = (int(size > 1) for size in y.shape[-2:])
    for rows, up in zip(_halves(y, -2), (upright, -upright), strict=True):
        for part, aside in zip(_halves(rows, -1), (across, -across), strict=True):
            if part.numel() and up + aside:
                part.mul_(scale ** (up + aside))


def _step(low: Tensor, high: Tensor, axis: int, wavelet: Wavelet, number: int, sign: int, transposed: bool) -> None:
    """One lifting step in place: steps 0, 2, ... change `high` by its neighbours in `low`, the others the reverse."""
    target, source, beyond = (low, high, -1) if number % 2 else (high, low, 1)
    if target.is_floating_point():
        for shift in (0, beyond):
            _add_shifted(target, source, axis, shift, sign * wavelet.factors[number], transposed)
        return
    direction, offset, bits = wavelet.rounding[number]
    total = torch.full_like(target, offset)
    for shift in (0, beyond):
        _add_shifted(total, source, axis, shift, 1, False)
    target.add_(total.bitwise_right_shift_(bits), alpha=sign * direction)


def _add_shifted(target: Tensor, source: Tensor, axis: int, shift: int, factor: float, transposed: bool) -> None:
    """target[i] += factor * source[i + shift]; the first and last of `source` also stand for what lies beyond them,
    which is what symmetric extension about a sample comes to. Transposed: source[i + shift] += factor * target[i]."""
    size, reach = target.shape[axis], source.shape[axis]
    first, last = max(0, -shift), min(size, reach - shift)
    parts = [(first, first + shift, last - first)]
    if first:
        parts.append((0, 0, 1))
    if last < size:
        parts.append((last, reach - 1, 1))
    for to, start, count in parts:
        here, there = target.narrow(axis, to, count), source.narrow(axis, start, count)
        if transposed:
            here, there = there, here
        here.add_(there, alpha=factor)
