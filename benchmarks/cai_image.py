# SPDX-License-Identifier: Apache-2.0
"""CompressAI's side of bench_image.py, run with the Python of CompressAI's own environment.

    python cai_image.py CASE.pt        for each line on stdin, one compress and decompress; prints JSON

CASE.pt holds N, M, state, x and threads. Each answer has seconds and CPU seconds of both calls and the size; the
restored picture goes to CASE.pt with the suffix .restored.
"""

import json
import sys
import time
from pathlib import Path

import torch

# CompressAI imports torchvision, whose import fails beside a torch without these operators.
library = torch.library.Library("torchvision", "DEF")
for name in ("nms", "qnms"):
    library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import compressai  # noqa: E402
from compressai.models import MeanScaleHyperprior  # noqa: E402


def timed(call):
    wall, cpu = time.perf_counter(), time.process_time()
    result = call()
    return result, (time.perf_counter() - wall, time.process_time() - cpu)


@torch.no_grad()
def main():
    path = Path(sys.argv[1])
    case = torch.load(path, weights_only=True)
    torch.set_num_threads(case["threads"])
    codec = MeanScaleHyperprior.from_state_dict(case["state"]).eval()
    print(json.dumps({"version": compressai.__version__, "torch": torch.__version__}), flush=True)
    for _ in sys.stdin:
        out, encode = timed(lambda: codec.compress(case["x"]))
        restored, decode = timed(lambda out=out: codec.decompress(**out)["x_hat"])
        torch.save(restored, path.with_suffix(".restored"))
        size = sum(len(s) for stream in out["strings"] for s in stream)
        print(json.dumps({"encode": encode, "decode": decode, "bytes": size}), flush=True)


if __name__ == "__main__":
    main()
