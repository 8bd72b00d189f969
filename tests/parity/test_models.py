# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from tinify import models
from tinify.ans import RansEncoder
from tinify.entropy_coder import using_entropy_coder

from .compressai_strings import to_bytes, to_tensors

pytestmark = pytest.mark.parity

CASES = {
    0: models.FactorizedPrior,
    1: models.ScaleHyperprior,
    2: models.MeanScaleHyperprior,
    3: models.MeanScaleHyperprior,
}


@pytest.fixture(scope="module", params=CASES, ids=lambda i: f"{CASES[i].__name__}-{i}")
def case(request, theirs):
    return {**theirs["models"][request.param], "number": request.param}


@pytest.fixture(scope="module")
def codec(case):
    return CASES[case["number"]].from_state_dict(case["state"]).eval()


@pytest.fixture(scope="module", autouse=True)
def _their_coder():
    with using_entropy_coder("ans"):
        yield


def test_the_latents_of_the_comparison_are_busy(case):
    assert sum(s.numel() for stream in case["strings"] for s in stream) > 1000
    assert case["escapes"] > 10


def test_a_state_dict_loads_unchanged_and_goes_back_unchanged(case, codec):
    mine = codec.state_dict()
    assert set(mine) == set(case["state"])
    for key, value in case["state"].items():
        assert mine[key].dtype == value.dtype and torch.equal(mine[key], value), key


@pytest.mark.parametrize("gradients", [False, True])
def test_forward_is_equal(case, codec, gradients):
    with torch.set_grad_enabled(gradients):
        out = codec(case["x"])
    torch.testing.assert_close(out.x_hat.detach(), case["x_hat"], rtol=0, atol=1e-5)
    assert set(out.likelihoods) == set(case["likelihoods"])
    for name, likelihoods in out.likelihoods.items():
        torch.testing.assert_close(likelihoods.detach(), case["likelihoods"][name], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_strings_are_equal_to_the_byte(case, codec):
    out = codec.compress(case["x"])
    assert list(out.shape) == case["shape"]
    assert out.strings == to_bytes(case["strings"])


@torch.no_grad()
def test_their_strings_decode_here(case, codec):
    x_hat = codec.decompress(to_bytes(case["strings"]), case["shape"]).x_hat
    torch.testing.assert_close(x_hat, case["decompressed"], rtol=0, atol=1e-5)


def test_tables_built_here_are_theirs(case):
    built = CASES[case["number"]](case["N"], case["M"])
    built.load_state_dict({k: v for k, v in case["state"].items() if not k.endswith(("_cdf", "_length", "_offset"))})
    built.update()
    for key, value in built.state_dict().items():
        assert torch.equal(value, case["state"][key]), key


def test_the_loss_of_the_quantiles_is_equal(case, codec):
    torch.testing.assert_close(codec.aux_loss().detach(), case["aux_loss"], rtol=1e-5, atol=1e-4)


@torch.no_grad()
def test_compressai_loads_our_state_dict_and_decodes_our_strings(compressai, theirs, tmp_path):
    sent, expected = [], []
    for number, cls in CASES.items():
        case = theirs["models"][number]
        torch.manual_seed(100 + number)
        codec = cls(case["N"], case["M"]).eval()
        codec.g_a[-1].weight *= 50
        out = codec.compress(case["x"])
        codec.update()
        sent.append({
            "kind": case["kind"], "state": codec.state_dict(), "x": case["x"],
            "strings": to_tensors(out.strings), "shape": list(out.shape),
        })  # fmt: skip
        expected.append((codec(case["x"]).x_hat, codec.decompress(**out).x_hat))
    coder = theirs["coder"]
    string = RansEncoder().encode_with_indexes(coder["symbols"].numpy(), coder["indexes"].numpy(), *coder["tables"])
    stream = {"indexes": coder["indexes"], "tables": coder["tables"], "string": to_tensors([[string]])[0][0]}
    torch.save({"models": sent, "coder": stream}, tmp_path / "tinify.pt")
    compressai("read", tmp_path)
    answers = torch.load(tmp_path / "answers.pt", weights_only=True)
    assert torch.equal(answers["symbols"], coder["symbols"])
    for (x_hat, decompressed), answer in zip(expected, answers["models"], strict=True):
        torch.testing.assert_close(answer["x_hat"], x_hat, rtol=0, atol=1e-5)
        torch.testing.assert_close(answer["decompressed"], decompressed, rtol=0, atol=1e-5)
