# SPDX-License-Identifier: Apache-2.0
import numpy as np
import scipy.fft
import torch

from tinify.transforms import PatchAnalysis, PatchSynthesis, dct_basis


def test_basis_is_scipys_orthonormal_dct():
    x = np.random.default_rng(0).normal(size=(5, 16))
    ours = x @ dct_basis(16).double().numpy().T
    np.testing.assert_allclose(ours, scipy.fft.dct(x, norm="ortho"), atol=1e-5)


def test_untrained_pair_is_the_identity():
    x = torch.randn(3, 64)
    y = PatchAnalysis(16)(x)
    assert y.shape == (3, 4, 16)
    assert torch.allclose(PatchSynthesis(16)(y), x, atol=1e-5)


def test_a_patch_does_not_see_beyond_its_neighbours():
    analysis = PatchAnalysis(8)
    torch.nn.init.normal_(analysis.refine[-1].weight)
    x = torch.randn(1, 80)
    changed = x.clone()
    changed[:, :8] += 1.0
    differs = (analysis(x) != analysis(changed)).any(dim=-1)[0]
    assert differs.tolist() == [True, True] + [False] * 8
