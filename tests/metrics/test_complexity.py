# SPDX-License-Identifier: Apache-2.0
import torch
from torch import nn

from tinify.metrics.complexity import cost, parameters, state_bytes


def test_a_linear_layer_takes_a_product_for_each_weight_and_row():
    layer = nn.Linear(6, 4)
    found = cost(lambda: layer(torch.zeros(5, 6)), layer)
    assert found.macs == 5 * 6 * 4
    assert found.activation_bytes == 5 * 4 * 4


def test_convolutions_both_ways():
    down, up = nn.Conv1d(2, 3, 4, stride=2), nn.ConvTranspose1d(3, 2, 4, stride=2)
    x, y = torch.zeros(1, 2, 10), torch.zeros(1, 3, 4)
    assert cost(lambda: down(x), down).macs == 3 * 4 * 2 * 4
    assert cost(lambda: up(y), up).macs == 3 * 4 * 2 * 4


def test_a_gru_takes_a_product_for_each_weight_and_step():
    gru = nn.GRU(5, 8, batch_first=True)
    weights = 3 * 8 * 5 + 3 * 8 * 8
    assert cost(lambda: gru(torch.zeros(2, 7, 5)), gru).macs == 2 * 7 * weights


def test_a_product_with_a_fixed_matrix_counts_too():
    class Fixed(nn.Module):
        def forward(self, x):
            return x @ torch.eye(4)

    module = Fixed()
    assert cost(lambda: module(torch.zeros(3, 4)), module).macs == 3 * 4 * 4


def test_a_layer_that_runs_twice_counts_twice():
    layer = nn.Linear(4, 4)
    assert cost(lambda: layer(layer(torch.zeros(1, 4))), nn.Sequential(layer)).activation_bytes == 2 * 4 * 4


def test_parameters_are_what_gradients_reach_and_the_state_is_all_that_is_saved():
    layer = nn.Linear(4, 4)
    layer.bias.requires_grad_(False)
    layer.register_buffer("table", torch.zeros(8, dtype=torch.int32))
    assert parameters(layer) == 16
    assert state_bytes(layer) == 4 * (16 + 4 + 8)
