// SPDX-License-Identifier: Apache-2.0
// The binding of context mixing: checks of shapes and values, the GIL, and nothing else.
#include "bind_mixing.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <optional>
#include <string>

#include "errors.hpp"
#include "mixing_jobs.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using namespace tinify;
using namespace tinify::mixing;

namespace {

template <int Dimensions>
using Ints = nb::ndarray<const int32_t, nb::ndim<Dimensions>, nb::c_contig, nb::device::cpu>;
using Values = nb::ndarray<int32_t, nb::c_contig, nb::device::cpu>;

void require(bool holds, const char* what) {
    if (!holds) throw InputError(what);
}

const Kernels& chosen(const std::optional<std::string>& simd) {
    if (!simd) return kernels();
    const Kernels* found = find_kernels(simd->c_str());
    require(found, "this processor has no such instruction set");
    return *found;
}

void check_values(const int32_t* values, size_t count) {
    for (size_t i = 0; i < count; ++i)
        require(values[i] >= -kMostValue && values[i] <= kMostValue, "an integer is beyond 2^30");
}

// A start from which every stream is coded afresh.
struct Model {
    explicit Model(const mixing::Shape& shape) : start(shape) {}
    State start;

    void load(nb::bytes data) { start.load(reinterpret_cast<const uint8_t*>(data.c_str()), data.size()); }
    nb::bytes save(int cap) const {
        const std::vector<uint8_t> out = start.save(cap);
        return nb::bytes(out.data(), out.size());
    }

    template <class AJob>
    nb::object run(AJob& job, void (*kernel)(AJob&), size_t count, const nb::bytes* stream) {
        if (stream) {
            job.bytes = reinterpret_cast<const uint8_t*>(stream->c_str());
            job.size = stream->size();
        }
        {
            nb::gil_scoped_release unlocked;
            if (job.mode != Mode::decode) check_values(job.values, count);
            std::optional<State> copy;
            if (job.mode != Mode::learn) copy.emplace(start);
            job.state = copy ? &*copy : &start;
            kernel(job);
        }
        if (job.mode == Mode::encode) return nb::bytes(job.out.data(), job.out.size());
        if (job.mode == Mode::cost) return nb::float_(job.bits);
        return nb::none();
    }
};

Mode mode_of(const std::string& name) {
    if (name == "encode") return Mode::encode;
    if (name == "decode") return Mode::decode;
    if (name == "cost") return Mode::cost;
    require(name == "learn", "mode is not encode, decode, cost or learn");
    return Mode::learn;
}

struct GridModel : Model {
    GridModel() : Model(grid_shape()) {}

    nb::object run(const std::string& mode, const Values& values, const Ints<1>& reference,
                   const std::optional<Ints<1>>& first, const std::optional<Ints<2>>& features,
                   const std::optional<nb::bytes>& stream, const std::optional<std::string>& simd) {
        require(values.ndim() == 2, "values are not (rows, channels)");
        GridJob job{};
        job.mode = mode_of(mode);
        job.values = values.data();
        job.rows = static_cast<long>(values.shape(0));
        job.channels = static_cast<long>(values.shape(1));
        job.reference = reference.data();
        require(static_cast<long>(reference.shape(0)) == job.channels, "reference is not one for each channel");
        for (long c = 0; c < job.channels; ++c)
            require(reference.data()[c] >= -1 && reference.data()[c] < job.channels && reference.data()[c] != c,
                    "a reference is not another channel");
        require((job.mode == Mode::decode) == stream.has_value(), "a stream goes with mode decode alone");
        require(first.has_value() == features.has_value(), "first and features go together");
        Features table{};
        std::vector<int32_t> parts[3];
        if (first) {
            check_features(*first, *features, job.channels);
            for (auto& part : parts) part.resize(features->shape(0));
            for (size_t i = 0; i < features->shape(0); ++i)
                for (int k = 0; k < 3; ++k) parts[k][i] = features->data()[3 * i + k];
            table = {first->data(), parts[0].data(), parts[1].data(), parts[2].data()};
            job.features = &table;
        }
        return Model::run(job, chosen(simd).grid, values.size(), stream ? &*stream : nullptr);
    }

    static void check_features(const Ints<1>& first, const Ints<2>& features, long channels) {
        require(static_cast<long>(first.shape(0)) == channels + 1 && first.data()[0] == 0 && features.shape(1) == 3 &&
                    first.data()[channels] == static_cast<int32_t>(features.shape(0)),
                "first and features do not fit the channels");
        for (long c = 0; c < channels; ++c) {
            require(first.data()[c] <= first.data()[c + 1] && first.data()[c + 1] - first.data()[c] <= 1024,
                    "a channel has no list of at most 1024 features");
            for (int i = first.data()[c]; i < first.data()[c + 1]; ++i) {
                const int32_t lag = features.data()[3 * i], channel = features.data()[3 * i + 1];
                require(channel >= 0 && channel < channels && lag >= (channel < c ? 0 : 1), "a feature is not in the past");
            }
        }
    }
};

struct BlockModel : Model {
    BlockModel() : Model(block_shape()) {}

    nb::object run(const std::string& mode, const Values& values, const std::optional<Ints<3>>& means,
                   const std::optional<nb::bytes>& stream, const std::optional<std::string>& simd) {
        require(values.ndim() == 3, "values are not (blocks, channels, length)");
        BlockJob job{};
        job.mode = mode_of(mode);
        job.values = values.data();
        job.blocks = static_cast<long>(values.shape(0));
        job.channels = static_cast<long>(values.shape(1));
        job.length = static_cast<long>(values.shape(2));
        require((job.mode == Mode::decode) == stream.has_value(), "a stream goes with mode decode alone");
        if (means) {
            require(static_cast<long>(means->shape(0)) == job.channels && means->shape(1) == kMeanTargets &&
                        means->shape(2) == kMeanTaps,
                    "means are not (channels, 4, 8)");
            job.means = means->data();
        }
        return Model::run(job, chosen(simd).blocks, values.size(), stream ? &*stream : nullptr);
    }
};

struct PictureModel : Model {
    PictureModel() : Model(picture_shape()) {}

    nb::object run(const std::string& mode, const Values& values, long levels, const std::optional<nb::bytes>& stream,
                   const std::optional<std::string>& simd) {
        require(values.ndim() == 3, "values are not (components, height, width)");
        require(levels >= 0 && levels < 32, "levels are not 0 to 31");
        PictureJob job{};
        job.mode = mode_of(mode);
        job.values = values.data();
        job.components = static_cast<long>(values.shape(0));
        job.height = static_cast<long>(values.shape(1));
        job.width = static_cast<long>(values.shape(2));
        job.levels = levels;
        require((job.mode == Mode::decode) == stream.has_value(), "a stream goes with mode decode alone");
        return Model::run(job, chosen(simd).picture, values.size(), stream ? &*stream : nullptr);
    }
};

}  // namespace

void bind_mixing(nb::module_& m) {
    nb::class_<GridModel>(m, "GridModel")
        .def(nb::init<>())
        .def("load", &GridModel::load, "state"_a)
        .def("save", &GridModel::save, "cap"_a = 255)
        .def("run", &GridModel::run, "mode"_a, "values"_a.noconvert(), "reference"_a, "first"_a = nb::none(),
             "features"_a = nb::none(), "stream"_a = nb::none(), "simd"_a = nb::none());
    nb::class_<BlockModel>(m, "BlockModel")
        .def(nb::init<>())
        .def("load", &BlockModel::load, "state"_a)
        .def("save", &BlockModel::save, "cap"_a = 255)
        .def("run", &BlockModel::run, "mode"_a, "values"_a.noconvert(), "means"_a = nb::none(), "stream"_a = nb::none(),
             "simd"_a = nb::none());
    nb::class_<PictureModel>(m, "PictureModel")
        .def(nb::init<>())
        .def("load", &PictureModel::load, "state"_a)
        .def("save", &PictureModel::save, "cap"_a = 255)
        .def("run", &PictureModel::run, "mode"_a, "values"_a.noconvert(), "levels"_a, "stream"_a = nb::none(),
             "simd"_a = nb::none());
}
