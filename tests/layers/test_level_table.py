# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from tinify.layers.level_table import LevelTable, between

TABLE = torch.tensor([[0.0, 10.0], [1.0, 20.0], [3.0, 20.0]])


@pytest.mark.parametrize(
    ("level", "row"), [(0, [0, 10]), (0.5, [0.5, 15]), (1, [1, 20]), (2, [3, 20]), (9, [3, 20]), (-1, [0, 10])]
)
def test_a_level_lies_between_the_rows_beside_it(level, row):
    expected = torch.tensor(row, dtype=torch.float32)
    assert torch.equal(between(TABLE, level)[0, :, 0, 0], expected)
    assert torch.equal(between(TABLE, torch.tensor([float(level)]))[0, :, 0, 0], expected)


def test_every_item_can_have_a_level_of_its_own():
    assert between(TABLE, torch.tensor([0.0, 1.5])).shape == (2, 2, 1, 1)
    assert between(TABLE, torch.tensor([0.0, 1.5]))[1, :, 0, 0].tolist() == [2, 20]


def test_one_level_is_one_row():
    assert between(TABLE[:1], 0.7).flatten().tolist() == between(TABLE[:1], torch.tensor([0.7])).flatten().tolist()


def test_a_table_of_additions_begins_at_nothing():
    assert not LevelTable(3, 4)(None).any()
