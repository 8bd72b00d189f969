# SPDX-License-Identifier: Apache-2.0
"""ELIC: uneven groups of channels, each in two steps, with what earlier groups tell.

Parameter names are CompressAI's, so its checkpoints load.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from tinify.entropy_models import EntropyBottleneck
from tinify.errors import ConfigError
from tinify.latent_codecs import GaussianConditionalLatentCodec, HyperLatentCodec, HyperpriorLatentCodec
from tinify.latent_codecs.channel_groups import ChannelGroupsLatentCodec
from tinify.latent_codecs.checkerboard import CheckerboardLatentCodec
from tinify.layers import (
    AttentionBlock,
    CheckerboardMaskedConv2d,
    ResidualBottleneckBlock,
    conv,
    conv1x1,
    deconv,
    sequential_channel_ramp,
)
from tinify.models.image.base import HyperpriorCodec


def _blocks(N: int) -> list[nn.Module]:
    return [ResidualBottleneckBlock(N, N) for _ in range(3)]


class Elic2022Official(HyperpriorCodec):
    """`elic2022-official`: every earlier group helps to predict a group, as the paper has it.

    N channels inside, M in the latent, in `groups` that add up to M.
    Source: He, Yang, Peng et al. 2022, arXiv:2203.10886; transforms after Cheng et al. 2020, arXiv:2001.01568.
    """

    gain = None
    chunks: tuple[str, str] = ("scales", "means")
    nearest: bool = False  # whether the first group and the one before are all that helps

    def __init__(self, N: int = 192, M: int = 320, groups: Sequence[int] | None = None):
        super().__init__()
        self.N, self.M = int(N), int(M)
        self.groups = [16, 16, 32, 64, M - 128] if groups is None else list(groups)
        if sum(self.groups) != M or min(self.groups) < 1:
            raise ConfigError(f"groups are {self.groups}; allowed: positive numbers that add up to M = {M}")
        self.g_a = nn.Sequential(
            conv(3, N), *_blocks(N), conv(N, N), *_blocks(N), AttentionBlock(N), conv(N, N), *_blocks(N), conv(N, M),
            AttentionBlock(M),
        )  # fmt: skip
        self.g_s = nn.Sequential(
            AttentionBlock(M), deconv(M, N), *_blocks(N), deconv(N, N), AttentionBlock(N), *_blocks(N), deconv(N, N),
            *_blocks(N), deconv(N, 3),
        )  # fmt: skip
        h_a = nn.Sequential(conv(M, N, 3, 1), nn.ReLU(), conv(N, N), nn.ReLU(), conv(N, N))
        hyper = HyperLatentCodec(EntropyBottleneck(N), h_a, self._hyper_synthesis(), quantizer="ste")
        numbers = range(len(self.groups))
        y = ChannelGroupsLatentCodec(
            self.groups,
            {f"y{k}": self._group(k) for k in numbers},
            {f"y{k}": self._channel_context(k) for k in numbers[1:]},
            nearest=self.nearest,
        )
        self.latent_codec = HyperpriorLatentCodec({"y": y, "hyper": hyper})

    def _group(self, k: int) -> CheckerboardLatentCodec:
        channels = self.groups[k]
        return CheckerboardLatentCodec(
            latent_codec={"y": GaussianConditionalLatentCodec(quantizer="ste", chunks=self.chunks)},
            entropy_parameters=self._aggregation(k),
            context_prediction=CheckerboardMaskedConv2d(channels, 2 * channels, kernel_size=5, stride=1, padding=2),
        )

    def _channel_context(self, k: int) -> nn.Sequential:
        seen = self.groups[0] + (k > 1) * self.groups[k - 1] if self.nearest else sum(self.groups[:k])
        return nn.Sequential(
            conv(seen, 224, 5, 1), nn.ReLU(), conv(224, 128, 5, 1), nn.ReLU(), conv(128, self.groups[k] * 2, 5, 1)
        )

    def _hyper_synthesis(self) -> nn.Sequential:
        N = self.N
        return nn.Sequential(deconv(N, N), nn.ReLU(), deconv(N, N * 3 // 2), nn.ReLU(), deconv(N * 3 // 2, N * 2, 3, 1))

    def _aggregation(self, k: int) -> nn.Sequential:
        """From spatial context, channel context and side information to scales and means."""
        inside = self.groups[k] * 2 * (2 if k else 1) + self.N * 2
        return sequential_channel_ramp(
            inside, self.groups[k] * 2, min_ch=self.N * 2, num_layers=3, interp="linear", make_layer=nn.Conv2d,
            make_act=nn.ReLU, kernel_size=1, stride=1, padding=0,
        )  # fmt: skip

    @classmethod
    def from_state_dict(cls, state_dict: dict[str, Tensor]) -> Elic2022Official:
        """A codec of the size and the groups that the checkpoint has, with its weights."""
        contexts = [key for key in state_dict if key.endswith(".context_prediction.weight")]
        groups = [state_dict[f"latent_codec.y.latent_codec.y{k}.context_prediction.weight"].size(1)
                  for k in range(len(contexts))]  # fmt: skip
        model = cls(state_dict["g_a.0.weight"].size(0), sum(groups), groups)
        model.load_state_dict(state_dict)
        return model


class Elic2022Chandelier(Elic2022Official):
    """`elic2022-chandelier`: only the first group and the one before help to predict a group.

    Source: He et al. 2022, arXiv:2203.10886, as Chandelier 2023 built it ("ELiC-ReImplemetation").
    """

    chunks = ("means", "scales")
    nearest = True

    def _hyper_synthesis(self) -> nn.Sequential:
        N, M = self.N, self.M
        return nn.Sequential(deconv(N, N), nn.ReLU(), deconv(N, N * 3 // 2), nn.ReLU(), conv(N * 3 // 2, M * 2, 3, 1))

    def _aggregation(self, k: int) -> nn.Sequential:
        M = self.M
        inside = self.groups[k] * 2 * (2 if k else 1) + M * 2
        return nn.Sequential(
            conv1x1(inside, M * 2), nn.ReLU(), conv1x1(M * 2, 512), nn.ReLU(), conv1x1(512, self.groups[k] * 2)
        )
