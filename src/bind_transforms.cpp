// SPDX-License-Identifier: Apache-2.0
// The binding of the image transforms: checks of shapes, the GIL, and nothing else.
#include "bind_transforms.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "colour.hpp"
#include "errors.hpp"
#include "fast_picture.hpp"
#include "fast_pointwise.hpp"
#include "fast_search.hpp"
#include "lifting.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using namespace tinify;
using namespace tinify::fast;

namespace {

template <int Dimensions>
using In = nb::ndarray<const float, nb::ndim<Dimensions>, nb::c_contig, nb::device::cpu>;
using Out = nb::ndarray<float, nb::ndim<4>, nb::c_contig, nb::device::cpu>;

void require(bool holds, const char* what) {
    if (!holds) throw InputError(what);
}

void check_threads(int threads) { require(threads >= 1 && threads <= 1024, "threads are not 1 to 1024"); }

// kernel: [..][..][size][size] of a layer from `in` to `out` channels; sizes: a bit for each allowed.
void check_weights(const In<4>& weight, const In<1>& bias, bool transposed, int& in, int& out, int sizes) {
    require(weight.shape(2) == weight.shape(3) && weight.shape(2) <= 5 && sizes >> weight.shape(2) & 1,
            "the kernel does not have a size that the layer can have");
    require(weight.shape(0) <= 4096 && weight.shape(1) <= 4096, "more than 4096 channels");
    in = static_cast<int>(weight.shape(transposed ? 0 : 1));
    out = static_cast<int>(weight.shape(transposed ? 1 : 0));
    require(in > 0 && out > 0 && bias.shape(0) == static_cast<size_t>(out), "bias does not have the output channels");
}

bool whole(int channels) { return channels % kPanel == 0; }

WinogradConv* make_winograd(const In<4>& weight, const In<1>& bias, const std::string& kind, int threads) {
    const std::pair<const char*, Kind> kinds[] = {
        {"same", Kind::kSame}, {"shuffle", Kind::kShuffle}, {"halve", Kind::kHalve}, {"double", Kind::kDouble}};
    const auto found = std::find_if(std::begin(kinds), std::end(kinds), [&](const auto& k) { return k.first == kind; });
    require(found != std::end(kinds), "kind is not same, shuffle, halve or double");
    const bool transposed = found->second == Kind::kDouble, halves = found->second == Kind::kHalve;
    int in, out;
    check_weights(weight, bias, transposed, in, out, transposed ? 1 << 5 : halves ? 1 << 3 | 1 << 5 : 1 << 3);
    if (found->second == Kind::kShuffle) {
        require(out % 4 == 0, "filters are not four for each channel");
        out /= 4;
    }
    require(whole(in) && whole(out), "channels are not multiples of 16");
    check_threads(threads);
    const int size = static_cast<int>(weight.shape(2));
    nb::gil_scoped_release unlocked;
    return new WinogradConv(weight.data(), bias.data(), size, in, out, found->second, threads);
}

PointwiseConv* make_pointwise(const In<4>& weight, const In<1>& bias, int stride) {
    int in, out;
    check_weights(weight, bias, false, in, out, 1 << 1);
    require(whole(in) && whole(out), "channels are not multiples of 16");
    require(stride == 1 || stride == 2, "stride is not 1 or 2");
    return new PointwiseConv(weight.data(), bias.data(), in, out, stride);
}

PictureConv* make_picture_conv(const In<4>& weight, const In<1>& bias) {
    int in, out;
    check_weights(weight, bias, false, in, out, 1 << 1 | 1 << 3 | 1 << 5);
    require(whole(out), "output channels are not a multiple of 16");
    return new PictureConv(weight.data(), bias.data(), static_cast<int>(weight.shape(2)), in, out);
}

PictureDeconv* make_picture_deconv(const In<4>& weight, const In<1>& bias) {
    int in, out;
    check_weights(weight, bias, true, in, out, 1 << 5);
    require(5 * out <= kPanel, "more than three output channels");
    return new PictureDeconv(weight.data(), bias.data(), in, out);
}

GdnLayer* make_gdn(const In<2>& gamma, const In<1>& beta, bool inverse) {
    const int channels = static_cast<int>(beta.shape(0));
    require(channels > 0 && whole(channels) && channels <= 4096, "channels are not a multiple of 16");
    require(gamma.shape(0) == beta.shape(0) && gamma.shape(1) == beta.shape(0), "gamma is not (channels, channels)");
    return new GdnLayer(gamma.data(), beta.data(), channels, inverse);
}

template <class Array>
bool is(const Array& array, long batch, long a, long b, long c) {
    const auto same = [&](int i, long size) { return static_cast<long>(array.shape(i)) == size; };
    return same(0, batch) && same(1, a) && same(2, b) && same(3, c);
}

template <class Layer>
void run_conv(const Layer& layer, const In<4>& x, const Out& y, const GdnLayer* gdn, int threads, float slope,
              const std::optional<In<4>>& add, float slope_after) {
    constexpr bool planar = std::is_same_v<Layer, PictureConv>;
    const auto size = [&](int i) { return static_cast<long>(x.shape(i)); };
    const Shape shape{size(0), size(planar ? 2 : 1), size(planar ? 3 : 2)}, out = layer.output(shape);
    require(size(planar ? 1 : 3) == layer.in_channels(), "x does not have the input channels");
    require(is(y, out.batch, out.height, out.width, layer.out_channels()), "y does not have the output's shape");
    require(!add || is(*add, out.batch, out.height, out.width, layer.out_channels()), "add does not have y's shape");
    require(!gdn || gdn->channels() == layer.out_channels(), "gdn does not have the output channels");
    require(!gdn || slope_after == 1, "nothing bends after a gdn");
    check_threads(threads);
    const After after{{slope, slope_after}, gdn, add ? add->data() : nullptr};
    nb::gil_scoped_release unlocked;
    use_large_pages(y.data(), y.size());
    layer.run(x.data(), shape, y.data(), after, threads);
}

void run_gate(const In<4>& a, const In<4>& b, const Out& x, int threads) {
    for (int i = 0; i < 4; ++i)
        require(a.shape(i) == x.shape(i) && b.shape(i) == x.shape(i), "shapes are not the same");
    require(whole(static_cast<int>(x.shape(3))), "channels are not a multiple of 16");
    check_threads(threads);
    nb::gil_scoped_release unlocked;
    gate(a.data(), b.data(), x.data(), static_cast<long>(x.size()), threads);
}

template <class Layer>
void bind_run(nb::class_<Layer>& layer) {
    layer.def("run", &run_conv<Layer>, "x"_a.noconvert(), "y"_a.noconvert(), "gdn"_a.none(), "threads"_a,
              "slope"_a = 1.0f, "add"_a.none() = nb::none(), "slope_after"_a = 1.0f);
}

void run_picture_deconv(const PictureDeconv& layer, const In<4>& x, const Out& y, int threads) {
    const auto size = [&](int i) { return static_cast<long>(x.shape(i)); };
    const Shape shape{size(0), size(1), size(2)}, out = layer.output(shape);
    require(size(3) == layer.in_channels(), "x does not have the input channels");
    require(is(y, out.batch, layer.out_channels(), out.height, out.width), "y does not have the output's shape");
    check_threads(threads);
    nb::gil_scoped_release unlocked;
    use_large_pages(y.data(), y.size());
    layer.run(x.data(), shape, y.data(), threads);
}

void run_gdn(const GdnLayer& layer, const Out& x, int threads) {
    require(static_cast<int>(x.shape(3)) == layer.channels(), "x does not have the channels");
    check_threads(threads);
    nb::gil_scoped_release unlocked;
    layer.run(x.data(), static_cast<long>(x.shape(0) * x.shape(1) * x.shape(2)), threads);
}

void run_search(const In<2>& y, const In<2>& codebook, const In<1>& bias,
                const nb::ndarray<int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>& best, int threads) {
    const size_t codes = codebook.shape(0), dimensions = codebook.shape(1);
    require(codes >= 1 && codes <= 1 << 16, "the codebook does not have 1 to 65536 codes");
    require(dimensions >= 1 && dimensions <= kMostDimensions, "codes do not have 1 to 256 dimensions");
    require(y.shape(1) == dimensions && bias.shape(0) == codes, "y and bias do not fit the codebook");
    require(best.shape(0) == y.shape(0), "best is not one number for each row of y");
    check_threads(threads);
    nb::gil_scoped_release unlocked;
    nearest({codebook.data(), bias.data(), static_cast<int>(codes), static_cast<int>(dimensions)}, y.data(),
            static_cast<long>(y.shape(0)), best.data(), threads);
}

template <class T>
using Wide = nb::ndarray<T, nb::ndim<3>, nb::device::cpu>;
template <class T>
using Dense = nb::ndarray<T, nb::ndim<3>, nb::c_contig, nb::device::cpu>;

// What is transformed, (planes, height, width) with rows and planes anywhere, and where the result goes.
template <class T>
struct LiftingJob {
    LiftingJob(const Wide<const T>& from, const Dense<T>& to, int levels, int threads) {
        for (int axis = 0; axis < 3; ++axis) require(from.shape(axis) == to.shape(axis), "shapes are not the same");
        require(from.shape(0) && from.shape(1) && from.shape(2), "there are no numbers");
        require(from.stride(2) == 1 || from.shape(2) == 1, "numbers of a row are not side by side");
        require(levels >= 0 && levels <= kMostLevels, "levels are not 0 to 64");
        check_threads(threads);
        const auto size = [&](int axis) { return static_cast<long>(from.shape(axis)); };
        shape = {size(0), size(1), size(2), levels};
        in = {from.data(), static_cast<long>(from.stride(0)), static_cast<long>(from.stride(1))};
        out = {to.data(), size(1) * size(2), size(2)};
    }
    size_t size() const { return static_cast<size_t>(shape.planes * shape.height * shape.width); }

    Planes<const T> in;
    Planes<T> out;
    LiftingShape shape;
};

template <class T>
void run_analysis(const Wide<const T>& x, const Dense<T>& y, int levels, int threads) {
    const LiftingJob<T> job(x, y, levels, threads);
    nb::gil_scoped_release unlocked;
    use_large_pages(reinterpret_cast<float*>(job.out.data), job.size());
    analyse(job.in, job.out, job.shape, threads);
}

template <class T>
void run_synthesis(const Wide<const T>& y, const Dense<T>& x, int levels, int threads) {
    const LiftingJob<T> job(y, x, levels, threads);
    nb::gil_scoped_release unlocked;
    use_large_pages(reinterpret_cast<float*>(job.out.data), job.size());
    synthesise(job.in, job.out, job.shape, threads);
}

template <class T>
using Pixels = nb::ndarray<T, nb::shape<-1, -1, 3>, nb::c_contig, nb::device::cpu>;
template <class T>
using ThreePlanes = nb::ndarray<T, nb::shape<3, -1, -1>, nb::c_contig, nb::device::cpu>;

void run_mix(const ThreePlanes<const float>& x, const In<2>& matrix, const ThreePlanes<float>& y) {
    require(matrix.shape(0) == 3 && matrix.shape(1) == 3, "the matrix is not 3x3");
    require(x.shape(1) == y.shape(1) && x.shape(2) == y.shape(2), "pictures are not of one size");
    float m[9];
    std::copy_n(matrix.data(), 9, m);
    nb::gil_scoped_release unlocked;
    mix_planes(x.data(), static_cast<long>(x.shape(1) * x.shape(2)), m, y.data());
}

template <class A, class B>
long pixels_of(const A& samples, const B& planes) {
    require(samples.shape(0) == planes.shape(1) && samples.shape(1) == planes.shape(2), "pictures are not of one size");
    return static_cast<long>(samples.shape(0) * samples.shape(1));
}

void from_samples(const Pixels<const uint8_t>& samples, const ThreePlanes<float>& planes) {
    const long pixels = pixels_of(samples, planes);
    nb::gil_scoped_release unlocked;
    ycbcr_of_samples(samples.data(), pixels, planes.data());
}

void to_samples(const ThreePlanes<const float>& planes, const Pixels<uint8_t>& samples) {
    const long pixels = pixels_of(samples, planes);
    nb::gil_scoped_release unlocked;
    samples_of_ycbcr(planes.data(), pixels, samples.data());
}

}  // namespace

void bind_transforms(nb::module_& m) {
    nb::class_<GdnLayer>(m, "GdnLayer")
        .def(nb::new_(&make_gdn), "gamma"_a, "beta"_a, "inverse"_a)
        .def("run", &run_gdn, "x"_a, "threads"_a);
    auto winograd = nb::class_<WinogradConv>(m, "WinogradConv");
    winograd.def(nb::new_(&make_winograd), "weight"_a, "bias"_a, "kind"_a, "threads"_a);
    bind_run(winograd);
    auto pointwise = nb::class_<PointwiseConv>(m, "PointwiseConv");
    pointwise.def(nb::new_(&make_pointwise), "weight"_a, "bias"_a, "stride"_a);
    bind_run(pointwise);
    auto picture = nb::class_<PictureConv>(m, "PictureConv");
    picture.def(nb::new_(&make_picture_conv), "weight"_a, "bias"_a);
    bind_run(picture);
    nb::class_<PictureDeconv>(m, "PictureDeconv")
        .def(nb::new_(&make_picture_deconv), "weight"_a, "bias"_a)
        .def("run", &run_picture_deconv, "x"_a, "y"_a, "threads"_a);
    m.def("gate", &run_gate, "a"_a, "b"_a, "x"_a.noconvert(), "threads"_a);
    m.def("nearest", &run_search, "y"_a, "codebook"_a, "bias"_a, "best"_a, "threads"_a);
    m.def("mix_planes", &run_mix, "x"_a.noconvert(), "matrix"_a, "y"_a.noconvert());
    m.def("ycbcr_of_samples", &from_samples, "samples"_a, "planes"_a.noconvert());
    m.def("samples_of_ycbcr", &to_samples, "planes"_a, "samples"_a.noconvert());
    m.def("lifting_analysis", &run_analysis<float>, "x"_a.noconvert(), "y"_a.noconvert(), "levels"_a, "threads"_a);
    m.def("lifting_analysis", &run_analysis<int32_t>, "x"_a.noconvert(), "y"_a.noconvert(), "levels"_a, "threads"_a);
    m.def("lifting_synthesis", &run_synthesis<float>, "y"_a.noconvert(), "x"_a.noconvert(), "levels"_a, "threads"_a);
    m.def("lifting_synthesis", &run_synthesis<int32_t>, "y"_a.noconvert(), "x"_a.noconvert(), "levels"_a, "threads"_a);
    m.def("transform_simd", [] { return fast::kernels().name; });
    m.def("use_transform_simd", &fast::use_kernels, "name"_a);
}
