// SPDX-License-Identifier: Apache-2.0
// The binding: checks of arguments, the GIL, and nothing else. Coding is in the other files, which know no Python.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/optional.h>

#include <algorithm>
#include <atomic>
#include <optional>

#include "bind_jpeg.hpp"
#include "bind_tokens.hpp"
#include "bind_mixing.hpp"
#include "bind_neighbourhood.hpp"
#include "bind_ordered.hpp"
#include "bind_scalars.hpp"
#include "bind_transforms.hpp"
#include "coder_range.hpp"
#include "coder_rans32.hpp"
#include "coder_rans64.hpp"
#include "pmf.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using namespace tinify;

namespace {

using Array = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;
using Output = nb::ndarray<nb::numpy, int32_t>;
using OutArray = nb::ndarray<int32_t, nb::c_contig, nb::device::cpu>;

IntView view_of(const Array& array, const char* what) {
    const nb::dlpack::dtype type = array.dtype();
    const auto is = [&](auto sample) { return type == nb::dtype<decltype(sample)>(); };
    IntView view{array.data(), array.size(), IntType::i32};
    if (is(int32_t{})) return view;
    if (is(uint8_t{})) view.type = IntType::u8;
    else if (is(int16_t{})) view.type = IntType::i16;
    else if (is(int64_t{})) view.type = IntType::i64;
    else if (is(int8_t{})) view.type = IntType::i8;
    else if (is(uint16_t{})) view.type = IntType::u16;
    else if (is(uint32_t{})) view.type = IntType::u32;
    else throw InputError(std::string(what) + " are not integers of at most 64 bits; round and convert them first");
    return view;
}

std::vector<int32_t> ints_of(const Array& array, const char* what) {
    const IntView view = view_of(array, what);
    std::vector<int32_t> copy(view.size);
    const int32_t* from = view.read(0, view.size, copy.data());
    if (from != copy.data()) std::copy(from, from + view.size, copy.data());
    return copy;
}

// Arrays of a table set as int32, copied only where they are of another type.
struct TableArrays {
    std::vector<int32_t> copies[3];
    const int32_t* parts[3];
    size_t rows, width;

    TableArrays(const Array& cdfs, const Array& lengths, const Array& offsets) {
        if (cdfs.ndim() != 2 || lengths.ndim() != 1 || offsets.ndim() != 1 || lengths.shape(0) != cdfs.shape(0) ||
            offsets.shape(0) != cdfs.shape(0))
            throw InputError("tables are cdfs (rows, width), lengths (rows,) and offsets (rows,)");
        rows = cdfs.shape(0);
        width = cdfs.shape(1);
        parts[0] = read(view_of(cdfs, "cdfs"), copies[0]);
        parts[1] = read(view_of(lengths, "lengths"), copies[1]);
        parts[2] = read(view_of(offsets, "offsets"), copies[2]);
    }
    static const int32_t* read(const IntView& view, std::vector<int32_t>& copy) {
        if (view.type != IntType::i32) copy.resize(view.size);
        return view.read(0, view.size, copy.data());
    }
};

std::shared_ptr<Tables> make_tables(const Array& cdfs, const Array& lengths, const Array& offsets) {
    const TableArrays arrays(cdfs, lengths, offsets);
    nb::gil_scoped_release unlocked;
    return std::make_shared<Tables>(arrays.parts[0], arrays.rows, arrays.width, arrays.parts[1], arrays.parts[2]);
}

bool same_tables(const Tables& tables, const Array& cdfs, const Array& lengths, const Array& offsets) {
    const TableArrays arrays(cdfs, lengths, offsets);
    return tables.same_as(arrays.parts[0], arrays.rows, arrays.width, arrays.parts[1], arrays.parts[2]);
}

// The first lengths[r] integers of each list, in an array as wide as the longest.
Output rows_of_lists(const nb::list& lists, const Array& lengths) {
    const std::vector<int32_t> sizes = ints_of(lengths, "lengths");
    if (sizes.size() != lists.size()) throw InputError("cdfs and their sizes differ in number of rows");
    const int32_t width = sizes.empty() ? 0 : std::max(0, *std::max_element(sizes.begin(), sizes.end()));
    const size_t shape[2] = {sizes.size(), static_cast<size_t>(width)};
    for (size_t r = 0; r < sizes.size(); ++r)
        if (static_cast<size_t>(std::max(0, sizes[r])) > nb::len(nb::object(lists[r])))
            throw InputError("cdf row " + std::to_string(r) + " is shorter than its size");
    int32_t* values = new int32_t[shape[0] * shape[1] + 1]();
    const nb::capsule owner(values, [](void* p) noexcept { delete[] static_cast<int32_t*>(p); });
    for (size_t r = 0; r < sizes.size(); ++r) {
        const nb::object row = nb::steal(PySequence_Fast(nb::object(lists[r]).ptr(), "a cdf row is not a list"));
        if (!row.is_valid()) throw nb::python_error();
        if (PySequence_Fast_GET_SIZE(row.ptr()) < sizes[r]) throw InputError("a cdf row became shorter");
        for (int32_t i = 0; i < sizes[r]; ++i) {
            const long value = PyLong_AsLong(PySequence_Fast_GET_ITEM(row.ptr(), i));
            if (value == -1 && PyErr_Occurred()) {
                PyErr_Clear();
                throw InputError("cdf row " + std::to_string(r) + " holds something that is not an integer");
            }
            values[r * shape[1] + static_cast<size_t>(i)] = static_cast<int32_t>(std::clamp(value, -1L, 65537L));
        }
    }
    return Output(values, 2, shape, owner);
}

void check_same_shape(const Array& symbols, const Array& indexes) {
    bool same = symbols.ndim() == indexes.ndim();
    for (size_t i = 0; same && i < symbols.ndim(); ++i) same = symbols.shape(i) == indexes.shape(i);
    if (!same) throw InputError("symbols and indexes differ in shape");
}

nb::bytes to_bytes(const Bytes& bytes) { return nb::bytes(bytes.data(), bytes.size()); }

// Refuses a second thread while the first works without the GIL.
class Busy {
public:
    explicit Busy(std::atomic<bool>& flag) : flag_(flag) {
        if (flag_.exchange(true)) throw InputError("one encoder or decoder is used by two threads at once");
    }
    ~Busy() { flag_ = false; }

private:
    std::atomic<bool>& flag_;
};

template <class Encoder>
struct PyEncoder {
    Encoder core;
    std::atomic<bool> busy{false};

    static nb::bytes encode(const Array& symbols, const Array& indexes, const TablesPtr& tables) {
        check_same_shape(symbols, indexes);
        const IntView s = view_of(symbols, "symbols"), i = view_of(indexes, "indexes");
        Bytes out;
        {
            nb::gil_scoped_release unlocked;
            out = Encoder::encode(s, i, tables);
        }
        return to_bytes(out);
    }
    void push(const Array& symbols, const Array& indexes, const TablesPtr& tables) {
        check_same_shape(symbols, indexes);
        const IntView s = view_of(symbols, "symbols"), i = view_of(indexes, "indexes");
        Busy guard(busy);
        nb::gil_scoped_release unlocked;
        core.push(s, i, tables);
    }
    nb::bytes finish() {
        Busy guard(busy);
        Bytes out;
        {
            nb::gil_scoped_release unlocked;
            out = core.finish();
        }
        return to_bytes(out);
    }
};

Output allocate_like(const Array& indexes) {
    size_t shape[16];
    if (indexes.ndim() > 16) throw InputError("indexes have more than 16 dimensions");
    for (size_t i = 0; i < indexes.ndim(); ++i) shape[i] = indexes.shape(i);
    int32_t* values = new int32_t[indexes.size() + 1];
    nb::capsule owner(values, [](void* p) noexcept { delete[] static_cast<int32_t*>(p); });
    return Output(values, indexes.ndim(), shape, owner);
}

template <class Decoder>
struct PyDecoder {
    nb::bytes data;
    Decoder core;
    std::atomic<bool> busy{false};

    explicit PyDecoder(nb::bytes bytes)
        : data(bytes), core(static_cast<const uint8_t*>(bytes.data()), bytes.size()) {}

    nb::object pull(const Array& indexes, const TablesPtr& tables, nb::object out) {
        return into(indexes, std::move(out), [&](const IntView& view, int32_t* values) {
            Busy guard(busy);
            nb::gil_scoped_release unlocked;
            core.pull(view, tables, values);
        });
    }
    void finish() {
        Busy guard(busy);
        core.finish();
    }
    static nb::object decode(nb::bytes bytes, const Array& indexes, const TablesPtr& tables,
                             nb::object out) {
        return into(indexes, std::move(out), [&](const IntView& view, int32_t* values) {
            nb::gil_scoped_release unlocked;
            Decoder decoder(static_cast<const uint8_t*>(bytes.data()), bytes.size());
            decoder.pull(view, tables, values);
            decoder.finish();
        });
    }
    template <class Work>
    static nb::object into(const Array& indexes, nb::object out, Work work) {
        const IntView view = view_of(indexes, "indexes");
        if (!out.is_none()) {
            OutArray target;  // never a converted copy, which the caller would not see
            if (!nb::try_cast<OutArray>(out, target, false)) throw InputError("out is not a contiguous int32 array");
            if (target.size() != indexes.size()) throw InputError("out differs from indexes in size");
            work(view, target.data());
            return out;
        }
        Output values = allocate_like(indexes);
        work(view, values.data());
        return nb::cast(values);
    }
};

template <class Encoder, class Decoder>
void bind_coder(nb::module_& m, const char* encoder, const char* decoder) {
    using E = PyEncoder<Encoder>;
    using D = PyDecoder<Decoder>;
    nb::class_<E>(m, encoder)
        .def(nb::init<>())
        .def("push", &E::push, "symbols"_a, "indexes"_a, "tables"_a)
        .def("finish", &E::finish)
        .def_static("encode", &E::encode, "symbols"_a, "indexes"_a, "tables"_a);
    nb::class_<D>(m, decoder)
        .def(nb::init<nb::bytes>(), "data"_a)
        .def("pull", &D::pull, "indexes"_a, "tables"_a, "out"_a = nb::none())
        .def("finish", &D::finish)
        .def_static("decode", &D::decode, "data"_a, "indexes"_a, "tables"_a, "out"_a = nb::none());
}

using Pmf = nb::ndarray<nb::ro, float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Pmfs = nb::ndarray<nb::ro, float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

Output quantize_rows(const float* pmf, size_t rows, size_t width, const int32_t* counts, int precision, size_t ndim) {
    const size_t columns = width + 1;
    int32_t* cdfs = new int32_t[rows * columns]();
    nb::capsule owner(cdfs, [](void* p) noexcept { delete[] static_cast<int32_t*>(p); });
    for (size_t r = 0; r < rows; ++r) {
        if (counts[r] < 0 || static_cast<size_t>(counts[r]) > width)
            throw InputError("pmf row " + std::to_string(r) + " declares " + std::to_string(counts[r]) + " entries of " +
                             std::to_string(width));
        pmf_to_quantized_cdf(pmf + r * width, counts[r], precision, cdfs + r * columns);
    }
    const size_t shape[2] = {rows, columns};
    return Output(cdfs, ndim, shape + (2 - ndim), owner);
}

Output pmf_to_cdf(const Pmf& pmf, int precision) {
    const int32_t count = static_cast<int32_t>(pmf.size());
    return quantize_rows(pmf.data(), 1, pmf.size(), &count, precision, 1);
}

Output pmfs_to_cdfs(const Pmfs& pmf, const Array& lengths, int precision) {
    const auto counts = ints_of(lengths, "lengths");
    if (counts.size() != pmf.shape(0)) throw InputError("lengths do not have one entry for each pmf row");
    return quantize_rows(pmf.data(), pmf.shape(0), pmf.shape(1), counts.data(), precision, 2);
}

void raise_as(const char* name, const char* message) {
    const nb::object type = nb::module_::import_("tinify.errors").attr(name);
    PyErr_SetString(type.ptr(), message);
}

void bind_errors() {
    nb::register_exception_translator([](const std::exception_ptr& p, void*) {
        try {
            std::rethrow_exception(p);
        } catch (const InputError& e) {
            raise_as("InputError", e.what());
        } catch (const FormatError& e) {
            raise_as("FormatError", e.what());
        } catch (const DesyncError& e) {
            raise_as("DesyncError", e.what());
        }
    });
}

}  // namespace

NB_MODULE(_core, m) {
    bind_errors();
    nb::class_<Tables>(m, "Tables")
        .def_prop_ro("rows", &Tables::rows)
        .def("same_as", &same_tables, "cdfs"_a, "lengths"_a, "offsets"_a)
        .def_prop_ro("fast", [](const Tables& t) { return t.fast() != nullptr; });
    m.def("rows_of_lists", &rows_of_lists, "lists"_a, "lengths"_a);
    m.def("make_tables", &make_tables, "cdfs"_a, "lengths"_a, "offsets"_a);
    bind_coder<Rans64Encoder, Rans64StreamDecoder>(m, "Rans64Encoder", "Rans64Decoder");
    bind_coder<Rans32Encoder, Rans32Decoder>(m, "Rans32Encoder", "Rans32Decoder");
    bind_coder<RangeEncoder, RangeDecoder>(m, "RangeEncoder", "RangeDecoder");
    m.def("simd", [] { return kernels().name; });
    m.def("use_simd", &use_kernels, "name"_a);
    m.def("pmf_to_quantized_cdf", &pmf_to_cdf, "pmf"_a, "precision"_a = 16);
    m.def("pmfs_to_quantized_cdfs", &pmfs_to_cdfs, "pmf"_a, "lengths"_a, "precision"_a = 16);
    bind_jpeg(m);
    bind_mixing(m);
    bind_transforms(m);
    bind_neighbourhood(m);
    bind_ordered(m);
    bind_scalars(m);
    bind_tokens(m);
}
