# SPDX-License-Identifier: Apache-2.0
"""CompressAI's side of bench_image_models.py: `python cai_models.py CASE.pt`, a line of JSON for each line on stdin."""

import json
import sys
import time

import torch

# CompressAI imports torchvision, whose import fails beside a torch without these operators.
library = torch.library.Library("torchvision", "DEF")
for operator in ("nms", "qnms"):
    library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import compressai.models  # noqa: E402
from compressai.models import vbr  # noqa: E402


@torch.no_grad()
def main() -> None:
    case = torch.load(sys.argv[1], weights_only=True)
    torch.set_num_threads(case["threads"])
    rate = case["rate"]
    kind = getattr(vbr if rate else compressai.models, case["class"])
    first, *options = case["arguments"][:2], *case["arguments"][2:]
    codec = kind(*first, **({"vr_entbttlnck": options[0]} if options else {})).eval()
    state = case["state"]
    if rate:  # their codecs of variable rate do not make room for tables, but `update` makes them
        state = {key: value for key, value in state.items() if value.shape == codec.state_dict()[key].shape}
        torch.nn.Module.load_state_dict(codec, state, strict=False)
    else:
        codec.load_state_dict(state)
    codec.update(**({"force": True, "scale": codec.Gain[rate["s"]]} if rate else {}))
    codec.decompress(**codec.compress(case["x"][..., :128, :128], **rate), **rate)
    for _ in sys.stdin:
        begin = time.perf_counter()
        out = codec.compress(case["x"], **rate)
        middle = time.perf_counter()
        codec.decompress(out["strings"], out["shape"], **rate)
        end = time.perf_counter()
        size = sum(len(s) for stream in out["strings"] for s in (stream if isinstance(stream, list) else [stream]))
        print(json.dumps({"encode": middle - begin, "decode": end - middle, "bytes": size}), flush=True)


if __name__ == "__main__":
    main()
