// SPDX-License-Identifier: Apache-2.0
// The binding of JPEG scans: checks of shapes, the GIL, and nothing else.
#include "bind_jpeg.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/vector.h>

#include "errors.hpp"
#include "jpeg_scan.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using namespace tinify;

namespace {

using Blocks = nb::ndarray<const int16_t, nb::shape<-1, -1, 64>, nb::c_contig, nb::device::cpu>;

jpeg::Huffman table_of(const nb::bytes& table) {
    if (!table.size()) return {};
    return {reinterpret_cast<const uint8_t*>(table.c_str()), table.size()};
}

nb::bytes scan_of(const std::vector<Blocks>& blocks, const std::vector<std::array<long, 4>>& sizes,
                  const std::vector<nb::bytes>& dc, const std::vector<nb::bytes>& ac, const std::array<int, 4>& band,
                  bool progressive, long restart, bool pad, size_t limit) {
    const size_t count = blocks.size();
    if (sizes.size() != count || dc.size() != count || ac.size() != count)
        throw InputError("blocks, sizes and tables are not one for each component");
    jpeg::Scan scan{{}, band[0], band[1], band[2], band[3], progressive, restart, pad, limit};
    for (size_t c = 0; c < count; ++c) {
        const auto& [real_rows, real_columns, down, across] = sizes[c];
        if (down < 1 || down > 4 || across < 1 || across > 4) throw FormatError("sampling factors are not 1 to 4");
        scan.components.push_back({blocks[c].data(), static_cast<long>(blocks[c].shape(0)),
                                   static_cast<long>(blocks[c].shape(1)), real_rows, real_columns,
                                   static_cast<int>(down), static_cast<int>(across), table_of(dc[c]), table_of(ac[c])});
    }
    std::vector<uint8_t> out;
    {
        nb::gil_scoped_release unlocked;
        out = jpeg::write_scan(scan);
    }
    return nb::bytes(out.data(), out.size());
}

}  // namespace

void bind_jpeg(nb::module_& m) {
    m.def("jpeg_scan", &scan_of, "blocks"_a, "sizes"_a, "dc"_a, "ac"_a, "band"_a, "progressive"_a, "restart"_a, "pad"_a,
          "limit"_a);
}
