// SPDX-License-Identifier: Apache-2.0
// The binding of the neighbourhood contexts: checks of places, the GIL, and nothing else.
#include "bind_neighbourhood.hpp"

#include <nanobind/ndarray.h>

#include <algorithm>
#include <string>

#include "errors.hpp"
#include "neighbourhood.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using namespace tinify;

namespace {

template <class T, int Dimensions>
using In = nb::ndarray<const T, nb::ndim<Dimensions>, nb::c_contig, nb::device::cpu>;
template <class T, int Dimensions>
using Out = nb::ndarray<T, nb::ndim<Dimensions>, nb::c_contig, nb::device::cpu>;

constexpr size_t kSums = 1 << 16;
constexpr uint32_t kMostWeight = 257;  // of all taps of a place: 257 * 255 < 2^16

void require(bool holds, const char* what) {
    if (!holds) throw InputError(what);
}

Lattice lattice_of(int64_t first, int64_t down, int64_t across, size_t rows, size_t columns) {
    constexpr int64_t most = int64_t{1} << 31;  // products stay in 63 bits
    require(across >= 1 && across <= kWidestAcross && down >= 0 && down < most, "the lattice is not 1 to 8 apart");
    require(rows < most && columns < most && first >= 0 && first < most, "the lattice is too large");
    return {first, down, across, static_cast<long>(rows), static_cast<long>(columns)};
}

void bins(const In<uint8_t, 1>& sizes, int64_t first, int64_t down, int64_t across, const In<int64_t, 1>& offsets,
          const In<uint16_t, 1>& weights, const In<uint8_t, 1>& table, const Out<uint8_t, 2>& out) {
    const Lattice places = lattice_of(first, down, across, out.shape(0), out.shape(1));
    require(offsets.shape(0) == weights.shape(0), "offsets and weights differ in number");
    require(table.shape(0) == kSums, "bins are not those of 65536 sums");
    if (places.empty()) return;
    const int64_t size = static_cast<int64_t>(sizes.shape(0));
    uint32_t all = 0;
    for (size_t t = 0; t < offsets.shape(0); ++t) {
        const int64_t offset = offsets.data()[t];
        require(offset > -size && offset < size, "an offset leaves the sizes");
        require(places.first + offset >= 0 && places.last() + offset < size, "an offset leaves the sizes");
        all = std::min(all + weights.data()[t], kMostWeight + 1);
    }
    require(all <= kMostWeight, "weights of a place are more than 257 together");
    require(places.last() < size, "the lattice leaves the sizes");
    nb::gil_scoped_release unlocked;
    neighbourhood_bins(sizes.data(), places, offsets.data(), weights.data(), offsets.shape(0), table.data(), out.data());
}

void put(const Out<uint8_t, 1>& sizes, int64_t first, int64_t down, int64_t across, const In<int32_t, 2>& values) {
    const Lattice places = lattice_of(first, down, across, values.shape(0), values.shape(1));
    if (places.empty()) return;
    require(places.last() < static_cast<int64_t>(sizes.shape(0)), "the lattice leaves the sizes");
    nb::gil_scoped_release unlocked;
    put_sizes(sizes.data(), places, values.data());
}

void count(const In<uint8_t, 2>& bins, const In<int32_t, 2>& values, const Out<int64_t, 2>& counts) {
    require(bins.shape(0) == values.shape(0) && bins.shape(1) == values.shape(1), "bins and values differ in shape");
    const size_t size = bins.size(), rows = counts.shape(0), width = counts.shape(1);
    require(width > 0 && rows > 0, "counts are empty");
    require(!size || *std::max_element(bins.data(), bins.data() + size) < rows, "a bin is beyond the counts");
    nb::gil_scoped_release unlocked;
    count_sizes(bins.data(), values.data(), size, width, counts.data());
}

}  // namespace

void bind_neighbourhood(nb::module_& m) {
    m.def("neighbourhood_bins", &bins, "sizes"_a, "first"_a, "down"_a, "across"_a, "offsets"_a, "weights"_a, "bins"_a,
          "out"_a);
    m.def("count_sizes", &count, "bins"_a, "values"_a, "counts"_a);
    m.def("put_sizes", &put, "sizes"_a, "first"_a, "down"_a, "across"_a, "values"_a);
}
