# SPDX-License-Identifier: Apache-2.0
"""Byte strings as uint8 tensors and back: what files shared with the other environment may hold."""

import torch


def to_tensors(strings):
    return [[torch.frombuffer(bytearray(s), dtype=torch.uint8) for s in stream] for stream in strings]


def to_bytes(strings):
    return [[s.numpy().tobytes() for s in stream] for stream in strings]
