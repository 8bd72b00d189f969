# SPDX-License-Identifier: Apache-2.0
import pytest
import torch
from torch import nn

from tinify.entropy_coder import using_entropy_coder
from tinify.entropy_models import EntropyBottleneck, EntropyBottleneckVbr, GaussianMixtureConditional
from tinify.latent_codecs import GainHyperLatentCodec, GainHyperpriorLatentCodec, GaussianConditionalLatentCodec

from .compressai_strings import to_bytes

pytestmark = pytest.mark.parity


@pytest.fixture(autouse=True)
def _their_coder():
    with using_entropy_coder("ans"):
        yield


@torch.no_grad()
def test_a_mixture_has_the_same_values_and_likelihoods(theirs):
    case = theirs["mixture"]
    y_hat, likelihoods = GaussianMixtureConditional(3).eval()(*(case[k] for k in ("y", "scales", "means", "weights")))
    assert torch.equal(y_hat, case["y_hat"])
    torch.testing.assert_close(likelihoods, case["likelihoods"], rtol=1e-4, atol=1e-6)


@torch.no_grad()
def test_bins_of_any_width_have_the_same_values_in_no_more_bytes(theirs):
    for case in theirs["widths"]:
        model, width = EntropyBottleneckVbr(5).eval(), case["width"]
        model.load_state_dict(case["state"])
        assert set(model.state_dict()) == set(case["state"])
        (their_strings,) = to_bytes(case["strings"])
        strings, x_hat = model.coded(case["x"], width)
        torch.testing.assert_close(x_hat, case["x_hat"])
        assert sum(map(len, strings)) <= 1.005 * sum(map(len, their_strings))


@torch.no_grad()
def test_gains_as_inputs_give_the_same_values_and_strings(theirs):
    case = theirs["gain"]
    h_a, h_s = nn.Conv2d(6, 6, 4, stride=4), nn.ConvTranspose2d(6, 12, 4, stride=4)
    hyper = GainHyperLatentCodec(entropy_bottleneck=EntropyBottleneck(6), h_a=h_a, h_s=h_s, precision="single")
    codec = GainHyperpriorLatentCodec({"y": GaussianConditionalLatentCodec(), "hyper": hyper}).eval()
    codec.load_state_dict(case["state"])
    out, coded = codec(case["y"], *case["gains"]), codec.compress(case["y"], *case["gains"])
    torch.testing.assert_close(out.y_hat, case["y_hat"], rtol=1e-5, atol=1e-5)
    for name, likelihoods in out.likelihoods.items():
        torch.testing.assert_close(likelihoods, case["likelihoods"][name], rtol=1e-4, atol=1e-6)
    assert coded.strings == to_bytes(case["strings"])
    _, _, y_gain_inv, z_gain_inv = case["gains"]
    decoded = codec.decompress(coded.strings, coded.shape, y_gain_inv, z_gain_inv)
    torch.testing.assert_close(decoded.y_hat, case["y_hat"], rtol=1e-5, atol=1e-5)
