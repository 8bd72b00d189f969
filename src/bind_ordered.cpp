// SPDX-License-Identifier: Apache-2.0
// The binding of sums in a fixed order: checks of shapes and indexes, the GIL, and nothing else.
#include "bind_ordered.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <optional>
#include <tuple>

#include "errors.hpp"
#include "ordered_conv.hpp"
#include "ordered_walk.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using namespace tinify;

namespace {

template <class T, int Dimensions>
using Array = nb::ndarray<T, nb::ndim<Dimensions>, nb::c_contig, nb::device::cpu>;
using Floats = nb::ndarray<const float, nb::c_contig, nb::device::cpu>;
using Panels = Array<const float, 3>;
using Places = Array<const int64_t, 1>;
using LayerArrays = std::tuple<Panels, Floats, int, float>;  // weights, bias or sums, activation, slope

void require(bool holds, const char* what) {
    if (!holds) throw InputError(what);
}

template <class A>
long size_of(const A& array, int axis) {
    return static_cast<long>(array.shape(axis));
}

// Every position + offset is one of `positions`.
void check_places(const int64_t* where, size_t rows, const int64_t* offsets, size_t taps, long positions) {
    if (!rows || !taps) return;
    const auto [low, high] = std::minmax_element(where, where + rows);
    const auto [down, up] = std::minmax_element(offsets, offsets + taps);
    const auto fits = [&](int64_t value) { return value > -positions && value < 2 * positions; };
    require(fits(*low) && fits(*high) && fits(*down) && fits(*up), "a place is not in x");
    require(*low + *down >= 0 && *high + *up < positions, "a place is not in x");
}

Activation activation_of(int number) {
    require(number >= 0 && number <= 2, "the activation is not 0, 1 or 2");
    return static_cast<Activation>(number);
}

// A bias (columns,), or sums (rows, columns).
long stride_of(const Floats& from, long rows, long columns) {
    if (from.ndim() == 1 && size_of(from, 0) == columns) return 0;
    require(from.ndim() == 2 && size_of(from, 0) == rows && size_of(from, 1) == columns, "bias or y do not fit x, w");
    return columns;
}

void affine(const Array<const float, 2>& x, const Panels& w, const Floats& bias, const Array<float, 2>& y, int threads,
            const std::optional<Places>& where, const std::optional<Places>& offsets, int activation, float slope) {
    require(threads >= 1 && threads <= 1024, "threads are not 1 to 1024");
    OrderedProduct p{};
    p.x = x.data();
    p.rows = where ? size_of(*where, 0) : size_of(x, 0);
    p.taps = offsets ? size_of(*offsets, 0) : 1;
    p.depth = p.stride = size_of(x, 1);
    p.columns = size_of(w, 0) * kOrderedPanel;
    require(size_of(w, 2) == kOrderedPanel && size_of(w, 1) == p.taps * p.depth, "w is not (panels, inputs of a row, 32)");
    require(size_of(y, 0) == p.rows && size_of(y, 1) == p.columns, "bias or y do not fit x, w");
    require(!offsets || where, "offsets without places");
    if (where) {
        const int64_t middle = 0;
        check_places(where->data(), where->size(), offsets ? offsets->data() : &middle, p.taps, size_of(x, 0));
        p.where = where->data();
    }
    p.offsets = offsets ? offsets->data() : nullptr;
    p.w = w.data();
    p.panel = size_of(w, 1) * kOrderedPanel;
    p.from = bias.data();
    p.from_stride = stride_of(bias, p.rows, p.columns);
    p.y = y.data();
    p.activation = activation_of(activation);
    p.slope = slope;
    nb::gil_scoped_release unlocked;
    run_ordered(p, threads);
}

OrderedConv* new_conv(const Array<const float, 4>& weight, const Array<const float, 1>& bias) {
    require(weight.shape(2) == 5 && weight.shape(3) == 5, "the kernel is not 5x5");
    require(weight.size() > 0 && weight.shape(0) <= 4096 && weight.shape(1) <= 4096, "channels are not 1 to 4096");
    require(bias.shape(0) == weight.shape(0), "bias does not have the output channels");
    nb::gil_scoped_release unlocked;
    return new OrderedConv(weight.data(), bias.data(), size_of(weight, 1), size_of(weight, 0));
}

void run_conv(const OrderedConv& conv, const Array<const float, 4>& x, const Array<float, 4>& y, int threads) {
    require(threads >= 1 && threads <= 1024, "threads are not 1 to 1024");
    require(size_of(x, 3) == conv.in(), "x does not have the input channels");
    for (int axis = 0; axis < 3; ++axis) require(x.shape(axis) == y.shape(axis), "y does not have the size of x");
    require(size_of(y, 3) == conv.columns(), "y does not have the output channels, filled up to 32");
    nb::gil_scoped_release unlocked;
    conv.run(x.data(), {size_of(x, 0), size_of(x, 1), size_of(x, 2)}, y.data(), threads);
}

// The walk and the arrays that it reads.
struct Walk {
    std::vector<nb::object> kept;
    std::optional<OrderedWalk> core;
};

std::vector<OrderedStage> stages_of(const Array<const int64_t, 2>& stages, long taps) {
    require(stages.shape(1) == 2 && stages.shape(0) > 0, "stages are not (stages, 2)");
    std::vector<OrderedStage> found;
    OrderedStage before{0, 0};
    for (size_t i = 0; i < stages.shape(0); ++i) {
        const OrderedStage stage{static_cast<long>(stages(i, 0)), static_cast<long>(stages(i, 1))};
        require(stage.taps >= before.taps && stage.taps <= taps && stage.lead >= 1, "stages do not follow each other");
        require(!i || before.lead % stage.lead == 0, "a lead does not divide the one before");
        found.push_back(before = stage);
    }
    require(before.taps == taps && before.lead == 1, "the last stage does not end with all taps");
    for (size_t i = 0; i + 1 < found.size(); ++i) require(found[i].lead > 1, "only the last stage has a lead of 1");
    return found;
}

void new_walk(Walk* self, const Array<float, 2>& known, const Places& where, const Places& starts,
              const Places& offsets, const Array<const int64_t, 2>& stages, const Panels& w, const Floats& bias,
              const std::optional<Floats>& shift, const std::vector<LayerArrays>& layers, int threads) {
    require(threads >= 1 && threads <= 1024, "threads are not 1 to 1024");
    OrderedWalkPlan plan{};
    plan.known = known.data();
    plan.depth = size_of(known, 1);
    plan.where.assign(where.data(), where.data() + where.size());
    plan.starts.assign(starts.data(), starts.data() + starts.size());
    plan.offsets.assign(offsets.data(), offsets.data() + offsets.size());
    require(!plan.starts.empty() && plan.starts.front() == 0 && std::is_sorted(plan.starts.begin(), plan.starts.end()) &&
            plan.starts.back() == static_cast<int64_t>(where.size()), "steps do not cover the places");
    check_places(where.data(), where.size(), offsets.data(), offsets.size(), size_of(known, 0));
    plan.stages = stages_of(stages, static_cast<long>(offsets.size()));
    plan.columns = size_of(w, 0) * kOrderedPanel;
    require(size_of(w, 2) == kOrderedPanel && size_of(w, 1) == size_of(offsets, 0) * plan.depth, "w does not fit the taps");
    require(stride_of(bias, 0, plan.columns) == 0, "the bias does not fit w");
    require(!shift || stride_of(*shift, 0, plan.columns) == 0, "the shift does not fit w");
    plan.w = w.data();
    plan.bias = bias.data();
    plan.shift = shift ? shift->data() : nullptr;
    long wide = plan.columns;
    for (const auto& [weights, from, activation, slope] : layers) {
        const long columns = size_of(weights, 0) * kOrderedPanel, depth = size_of(weights, 1);
        require(size_of(weights, 2) == kOrderedPanel && depth <= wide, "a layer does not fit the one before");
        const bool first = plan.layers.empty();
        const long stride = stride_of(from, static_cast<long>(where.size()), columns);
        require(first == (stride > 0), "the first layer begins with sums, the others with a bias");
        plan.layers.push_back({weights.data(), from.data(), depth, columns, activation_of(activation), slope});
        wide = columns;
        for (const nb::object& array : {nb::cast(weights), nb::cast(from)}) self->kept.push_back(array);
    }
    for (const nb::object& array : {nb::cast(known), nb::cast(w), nb::cast(bias)}) self->kept.push_back(array);
    if (shift) self->kept.push_back(nb::cast(*shift));
    self->core.emplace(std::move(plan), threads);
}

void step(Walk& walk, const Array<float, 2>& y) {
    OrderedWalk& core = *walk.core;
    const OrderedWalkPlan& plan = core.plan();
    require(core.next() < plan.steps(), "the walk is over");
    const long columns = plan.layers.empty() ? plan.columns : plan.layers.back().columns;
    require(size_of(y, 0) == plan.rows(core.next(), core.next() + 1) && size_of(y, 1) == columns, "y does not fit the step");
    nb::gil_scoped_release unlocked;
    core.step(y.data());
}

}  // namespace

void bind_ordered(nb::module_& m) {
    m.def("ordered_affine", &affine, "x"_a, "w"_a, "bias"_a, "y"_a.noconvert(), "threads"_a, "where"_a = nb::none(),
          "offsets"_a = nb::none(), "activation"_a = 0, "slope"_a = 0.0f);
    nb::class_<OrderedConv>(m, "OrderedConv")
        .def(nb::new_(&new_conv), "weight"_a, "bias"_a)
        .def("run", &run_conv, "x"_a, "y"_a.noconvert(), "threads"_a);
    nb::class_<Walk>(m, "OrderedWalk")
        .def("__init__", [](Walk* self, const Array<float, 2>& known, const Places& where, const Places& starts,
                            const Places& offsets, const Array<const int64_t, 2>& stages, const Panels& w,
                            const Floats& bias, const std::optional<Floats>& shift,
                            const std::vector<LayerArrays>& layers, int threads) {
            new (self) Walk();
            new_walk(self, known, where, starts, offsets, stages, w, bias, shift, layers, threads);
        }, "known"_a.noconvert(), "where"_a, "starts"_a, "offsets"_a, "stages"_a, "w"_a, "bias"_a,
           "shift"_a.none(), "layers"_a, "threads"_a)
        .def("step", &step, "y"_a.noconvert());
}
