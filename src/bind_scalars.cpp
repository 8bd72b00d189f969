// SPDX-License-Identifier: Apache-2.0
// The binding of scalars.hpp and changes.hpp: checks of shapes, the GIL, and nothing else.
#include "bind_scalars.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <optional>

#include "changes.hpp"
#include "errors.hpp"
#include "scalars.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using namespace tinify;

namespace {

template <class T>
using Numbers = nb::ndarray<const T, nb::ndim<3>, nb::device::cpu>;
using Wholes = nb::ndarray<int32_t, nb::c_contig, nb::device::cpu>;

template <class T>
Strided<T> strided(const Numbers<T>& x) {
    Strided<T> found{x.data(), {}, {}};
    for (int axis = 0; axis < 3; ++axis) {
        found.shape[axis] = static_cast<long>(x.shape(axis));
        found.stride[axis] = static_cast<long>(x.stride(axis));
    }
    return found;
}

template <class T>
void below(const Numbers<T>& x, T bound, const nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>& steps,
           const Wholes& out) {
    if (out.size() != x.size()) throw InputError("out does not have the size of x");
    const Strided<T> numbers = strided(x);
    nb::gil_scoped_release unlocked;
    steps_below(numbers, bound, steps.data(), static_cast<long>(steps.size()), out.data());
}

bool nearest(const Numbers<double>& x, const std::optional<Numbers<float>>& means, const Wholes& out) {
    if (out.size() != x.size()) throw InputError("out does not have the size of x");
    const Strided<double> numbers = strided(x);
    const Strided<float> middles = means ? strided(*means) : Strided<float>{};
    for (int axis = 0; means && axis < 3; ++axis)
        if (middles.shape[axis] != numbers.shape[axis]) throw InputError("means do not have the shape of x");
    nb::gil_scoped_release unlocked;
    return nearest_whole(numbers, middles, out.data());
}

uint64_t digest_of(const nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>& array, int threads) {
    if (threads < 1 || threads > 1024) throw InputError("threads are not 1 to 1024");
    nb::gil_scoped_release unlocked;
    return digest(array.data(), array.nbytes(), threads);
}

}  // namespace

void bind_scalars(nb::module_& m) {
    m.def("steps_below", &below<float>, "x"_a.noconvert(), "bound"_a, "steps"_a.noconvert(), "out"_a.noconvert());
    m.def("steps_below", &below<double>, "x"_a.noconvert(), "bound"_a, "steps"_a.noconvert(), "out"_a.noconvert());
    m.def("nearest_whole", &nearest, "x"_a.noconvert(), "means"_a.noconvert().none(), "out"_a.noconvert());
    m.def("digest", &digest_of, "array"_a.noconvert(), "threads"_a);
}
