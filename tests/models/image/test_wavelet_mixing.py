# SPDX-License-Identifier: Apache-2.0
"""Bits weighed by what the picture itself teaches, before context mixing."""

import torch

from tests.models.image.scenes import scene
from tinify.models.image.rate_choice import activities, choose
from tinify.models.image.wavelet_mixing import WaveletMixing
from tinify.quantizers.deadzone import DeadZone
from tinify.quantizers.rdoq import Rdoq
from tinify.transforms.lifting import subbands


def test_bits_weighed_cost_less_for_as_much_error():
    y = WaveletMixing(levels=3).analysis(torch.from_numpy(scene()).permute(2, 0, 1)[None] / 255)[0]
    codec, step = WaveletMixing(levels=3), torch.tensor(12.0)
    results = []
    for q, quantizer in ((choose(Rdoq(DeadZone(threshold=0.5)), y, step, 3), DeadZone()),
                         (DeadZone(threshold=0.5).quantize(y, step), DeadZone())):  # fmt: skip
        error = float((quantizer.dequantize(q, step) - y).square().mean())
        results.append((codec.entropy_model.cost(q.numpy(), 3), error))
    (chosen, chosen_error), (rounded, rounded_error) = results
    assert chosen < 0.85 * rounded and chosen_error < 1.5 * rounded_error


def test_activities_count_neighbours_parents_and_components_within_their_level():
    q = torch.zeros(3, 16, 16, dtype=torch.int32)
    q[0, 2, 6], q[1, 2, 12] = 3, -2  # in HL of level 2, and in HL of level 1 of the second component
    rows = activities(q, 2)
    bands = {(band.level, band.kind): band for band in subbands(16, 16, 2)}
    assert rows[0, 2, 7] == 2 * 41 + 6 and rows[0, 1, 5] == 2 * 41 + 3  # beside, across
    assert rows[0, 4, 12] == 41 + 6  # below its parent
    assert rows[2, 2, 12] == 41 * 3 + 41 + 2  # under the second component: 2 times the mean of 0 and 2
    assert rows[1, 2, 12] == 41 * 3 + 41  # the first holds nothing there
    assert (rows[0][bands[1, "HH"].where] == 41).all()
