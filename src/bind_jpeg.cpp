// SPDX-License-Identifier: Apache-2.0
// The binding of JPEG scans and of what is expected of coefficients: checks of shapes, the GIL, and nothing else.
#include "bind_jpeg.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/vector.h>

#include <cstdlib>

#include "block_contexts.hpp"
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

template <class T, int Dimensions>
using In = nb::ndarray<const T, nb::ndim<Dimensions>, nb::c_contig, nb::device::cpu>;
template <class T, int Dimensions>
using Out = nb::ndarray<T, nb::ndim<Dimensions>, nb::c_contig, nb::device::cpu>;

constexpr size_t kSums = 1 << 16;
constexpr int64_t kMost = int64_t{1} << 40;  // products stay in 63 bits

void require(bool holds, const char* what) {
    if (!holds) throw InputError(what);
}

// Places within `size` numbers, also at an offset.
void check_places(const blocks::Places& places, int64_t offset, size_t size) {
    require(places.first >= 0 && places.first < kMost && places.down >= places.columns && places.down < kMost &&
                offset > -kMost && offset < kMost && size < static_cast<size_t>(kMost),
            "the places are not rows behind each other");
    if (!places.rows || !places.columns) return;
    require(places.rows < kMost / places.down, "the places leave the values");
    const int64_t last = places.first + (places.rows - 1) * places.down + places.columns - 1;
    require(places.first + offset >= 0 && last + offset < static_cast<int64_t>(size), "the places leave the values");
}

blocks::Taps taps_of(const In<int64_t, 1>& offsets, const In<int32_t, 1>& weights, const blocks::Places& places,
                     size_t size, int64_t most) {
    require(weights.shape(0) == offsets.shape(0), "offsets and weights differ in number");
    for (size_t t = 0; t < offsets.shape(0); ++t) {
        check_places(places, offsets.data()[t], size);
        most -= std::abs(static_cast<int64_t>(weights.data()[t]));
    }
    require(most >= 0, "weights are too large together");
    return {offsets.data(), weights.data(), offsets.shape(0)};
}

void contexts_of(const In<int16_t, 1>& values, int64_t first, int64_t down, const In<int64_t, 1>& near,
                 const In<int32_t, 1>& of_sizes, const In<int64_t, 1>& beside, const In<int32_t, 1>& of_values,
                 uint32_t of_expected, uint32_t step, const In<uint8_t, 1>& bins, const Out<uint8_t, 2>& size,
                 const Out<int8_t, 2>& value) {
    const blocks::Places places{first, down, static_cast<long>(size.shape(0)), static_cast<long>(size.shape(1))};
    require(value.shape(0) == size.shape(0) && value.shape(1) == size.shape(1), "size and value differ in shape");
    require(bins.shape(0) == kSums && step > 0 && step < kSums, "bins are not those of 65536 sums, or the step is 0");
    require(of_expected < blocks::kMostOfSizes, "weights are too large together");
    for (size_t t = 0; t < of_sizes.shape(0); ++t) require(of_sizes.data()[t] >= 0, "a weight of sizes is negative");
    const blocks::Taps sizes = taps_of(near, of_sizes, places, values.shape(0), blocks::kMostOfSizes);
    const blocks::Taps sums = taps_of(beside, of_values, places, values.shape(0), blocks::kMostOfValues - 1);
    nb::gil_scoped_release unlocked;
    blocks::contexts(values.data(), places, sizes, sums, of_expected, step, bins.data(), size.data(), value.data());
}

void put(const Out<int16_t, 1>& values, int64_t first, int64_t down, uint32_t step, const In<int32_t, 2>& coefficients) {
    const blocks::Places places{first, down, static_cast<long>(coefficients.shape(0)),
                                static_cast<long>(coefficients.shape(1))};
    check_places(places, 0, values.shape(0));
    require(step < kSums, "the step is more than 65535");
    nb::gil_scoped_release unlocked;
    blocks::put(values.data(), places, step, coefficients.data());
}

}  // namespace

void bind_jpeg(nb::module_& m) {
    m.def("jpeg_scan", &scan_of, "blocks"_a, "sizes"_a, "dc"_a, "ac"_a, "band"_a, "progressive"_a, "restart"_a, "pad"_a,
          "limit"_a);
    m.def("block_contexts", &contexts_of, "values"_a, "first"_a, "down"_a, "near"_a, "of_sizes"_a, "beside"_a,
          "of_values"_a, "of_expected"_a, "step"_a, "bins"_a, "size"_a, "value"_a);
    m.def("put_coefficients", &put, "values"_a, "first"_a, "down"_a, "step"_a, "coefficients"_a);
}
