# SPDX-License-Identifier: Apache-2.0
"""CompressAI's side of bench_coders.py, run with the Python of CompressAI's own environment.

    python cai_coder.py INPUT.npz wall|cpu     prints JSON: for each case, seconds of encode and decode, bytes, sha256

Times whole calls as CompressAI's entropy models make them: `.tolist()` of symbols, indexes and tables, and the coder.
"""

import hashlib
import json
import os
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import torch


def import_ans():
    # CompressAI imports torchvision, whose import fails beside a torch without these operators.
    library = torch.library.Library("torchvision", "DEF")
    for schema in (
        "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
        "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    ):
        library.define(schema)
    import compressai
    from compressai import ans

    return library, compressai.__version__, ans


def median_seconds(call, repeats):
    clock = time.thread_time if sys.argv[2] == "cpu" else time.perf_counter
    seconds = []
    for _ in range(repeats):
        start = clock()
        result = call()
        seconds.append(clock() - start)
    return sorted(seconds)[len(seconds) // 2], result


def main() -> None:
    torch.set_num_threads(1)
    _library, version, ans = import_ans()
    data = np.load(sys.argv[1])
    repeats = int(data["repeats"])
    cdfs, sizes, offsets = (torch.from_numpy(data[name]) for name in ("cdfs", "lengths", "offsets"))
    report = {"version": version}
    for case in data["cases"]:
        symbols, indexes = torch.from_numpy(data[f"{case}_symbols"]), torch.from_numpy(data[f"{case}_indexes"]).int()
        symbols, indexes = symbols.reshape(-1), indexes.reshape(-1)

        def encode(s=symbols, i=indexes):
            return ans.RansEncoder().encode_with_indexes(
                s.tolist(), i.tolist(), cdfs.tolist(), sizes.tolist(), offsets.tolist()
            )

        def decode(stream, i=indexes):
            values = ans.RansDecoder().decode_with_indexes(
                stream, i.tolist(), cdfs.tolist(), sizes.tolist(), offsets.tolist()
            )
            return torch.tensor(values, dtype=torch.int32)

        encode_seconds, stream = median_seconds(encode, repeats)
        decode_seconds, decoded = median_seconds(lambda: decode(stream), repeats)  # noqa: B023
        assert torch.equal(decoded, symbols)
        flat = [s.tolist() for s in (symbols, indexes, cdfs, sizes, offsets)]
        inner_encode, _ = median_seconds(lambda: ans.RansEncoder().encode_with_indexes(*flat), repeats)  # noqa: B023
        inner_decode, _ = median_seconds(
            lambda: ans.RansDecoder().decode_with_indexes(stream, *flat[1:]),  # noqa: B023
            repeats,
        )
        report[str(case)] = {
            "encode": encode_seconds,
            "decode": decode_seconds,
            "encode_lists": inner_encode,
            "decode_lists": inner_decode,
            "bytes": len(stream),
            "sha256": hashlib.sha256(stream).hexdigest(),
        }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
