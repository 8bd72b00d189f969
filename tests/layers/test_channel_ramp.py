# SPDX-License-Identifier: Apache-2.0
import pytest
import torch
from torch import nn

from tinify.layers import conv1x1, conv3x3, sequential_channel_ramp


def widths(*args, **kwargs):
    made = sequential_channel_ramp(*args, make_layer=conv1x1, make_act=nn.ReLU, **kwargs)
    return [layer.in_channels for layer in made[::2]] + [made[-1 - len(made) % 2 + 1].out_channels]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [({}, [640, 554, 469, 384]), ({"num_layers": 1}, [640, 384]), ({"num_layers": 2}, [640, 512, 384]),
     ({"min_ch": 500}, [640, 554, 500, 384]), ({"interp": "log", "num_layers": 2}, [640, 495, 384])],
)  # fmt: skip
def test_channels_go_evenly_and_never_below_the_least(arguments, expected):
    assert widths(640, 384, **arguments) == expected


def test_an_activation_stands_between_the_layers_and_at_the_end_on_demand():
    for skip, count in ((True, 5), (False, 6)):
        made = sequential_channel_ramp(8, 4, make_layer=conv1x1, make_act=nn.ReLU, skip_last_act=skip)
        assert [type(m) for m in made] == [nn.Conv2d, nn.ReLU, nn.Conv2d, nn.ReLU, nn.Conv2d, nn.ReLU][:count]


def test_other_arguments_go_to_the_layers():
    made = sequential_channel_ramp(8, 4, make_layer=conv3x3, make_act=nn.ReLU, num_layers=2, stride=2)
    assert made(torch.randn(1, 8, 8, 8)).shape == (1, 4, 2, 2)


def test_another_interpolation_is_refused_by_name():
    with pytest.raises(ValueError, match="interp is 'cubic'"):
        widths(8, 4, interp="cubic")
