# SPDX-License-Identifier: Apache-2.0
import dataclasses

import pytest

from tinify.records import CompressOutput, DecompressOutput, ForwardOutput


def test_a_record_reads_as_attributes_and_as_a_mapping():
    out = ForwardOutput(x_hat=1, likelihoods={"y": 2})
    assert out.x_hat == out["x_hat"] == 1
    assert dict(out) == {"x_hat": 1, "likelihoods": {"y": 2}}
    assert {**DecompressOutput(3)} == {"x_hat": 3}
    assert list(CompressOutput([[b""]], (1, 2)).keys()) == ["strings", "shape"]
    assert len(out) == 2 and "likelihoods" in out


def test_only_fields_are_keys():
    with pytest.raises(KeyError):
        DecompressOutput(3)["get"]
    assert DecompressOutput(3).get("likelihoods", "none") == "none"


def test_a_record_does_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        DecompressOutput(3).x_hat = 4
