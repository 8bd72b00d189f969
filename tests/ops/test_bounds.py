# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from tinify.ops import LowerBound, NonNegativeParametrizer


def test_a_lower_bound_is_the_larger_of_value_and_bound():
    x = torch.tensor([-1.0, 0.5, 2.0])
    assert LowerBound(0.5)(x).tolist() == [0.5, 0.5, 2.0]


@pytest.mark.parametrize(
    ("value", "slope", "expected"),
    [(2.0, 1.0, 1.0), (2.0, -1.0, -1.0), (0.0, -1.0, -1.0), (0.0, 1.0, 0.0), (0.5, 1.0, 1.0)],
    ids=["above, down", "above, up", "below, a step would lift it", "below, a step would sink it", "at the bound"],
)
def test_the_gradient_passes_unless_it_would_push_a_value_further_below_the_bound(value, slope, expected):
    x = torch.tensor([value], requires_grad=True)
    (slope * LowerBound(0.5)(x)).sum().backward()
    assert x.grad.tolist() == [expected]


def test_a_value_stuck_below_the_bound_is_trained_back_above_it():
    x = torch.nn.Parameter(torch.tensor([-1.0]))
    bound, optimizer = LowerBound(0.0), torch.optim.SGD([x], lr=0.5)
    for _ in range(10):
        optimizer.zero_grad()
        ((bound(x) - 1) ** 2).sum().backward()
        optimizer.step()
    assert abs(x.item() - 1) < 0.1


def test_without_gradients_the_values_are_the_same():
    x, bound = torch.randn(50, requires_grad=True), LowerBound(0.1)
    with torch.no_grad():
        inference = bound(x)
    assert torch.equal(inference, bound(x).detach())


@pytest.mark.parametrize("minimum", [0.0, 1e-6, 0.3])
def test_a_non_negative_parameter_comes_back_as_the_value_it_was_initialised_with(minimum):
    parametrizer = NonNegativeParametrizer(minimum)
    values = torch.tensor([0.3, 1.0, 7.5])
    torch.testing.assert_close(parametrizer(parametrizer.init(values)), values, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("minimum", [0.0, 1e-6, 0.3])
def test_a_non_negative_parameter_never_falls_below_its_minimum(minimum):
    stored = torch.tensor([-5.0, 0.0, 1e-9])
    assert (NonNegativeParametrizer(minimum)(stored) >= minimum - 1e-7).all()


def test_bound_and_pedestal_are_saved_with_the_weights():
    assert set(NonNegativeParametrizer().state_dict()) == {"pedestal", "lower_bound.bound"}
