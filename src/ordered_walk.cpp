// SPDX-License-Identifier: Apache-2.0
#include "ordered_walk.hpp"

#include <algorithm>
#include <utility>

namespace tinify {

long OrderedWalkPlan::rows(long first, long last) const {
    return static_cast<long>(starts[std::min(last, steps())] - starts[first]);
}

OrderedWalk::OrderedWalk(OrderedWalkPlan plan, int threads) : plan_(std::move(plan)), crew_(threads) {
    const long together = plan_.stages.front().lead;
    long ahead = 0, most = 0, widest = 0;
    for (long step = 0; step < plan_.steps(); ++step) {
        most = std::max(most, plan_.rows(step, step + 1));
        if (step % together == 0) ahead = std::max(ahead, plan_.rows(step, step + together));
    }
    for (const OrderedLayer& layer : plan_.layers) widest = std::max(widest, layer.columns);
    sums_.resize(ahead * plan_.columns);
    for (auto& buffer : buffers_) buffer.resize(most * widest);
}

void OrderedWalk::context(long rows, float* y) {
    const long group = step_ - step_ % plan_.stages.front().lead;
    float* sums = sums_.data() + plan_.rows(group, step_) * plan_.columns;
    long tap = 0;
    for (const OrderedStage& stage : plan_.stages) {
        const bool first = tap == 0, last = stage.lead == 1;
        if (step_ % stage.lead == 0) {
            OrderedProduct product{};
            product.x = plan_.known;
            product.where = plan_.where.data() + plan_.starts[step_];
            product.offsets = plan_.offsets.data() + tap;
            product.rows = last ? rows : plan_.rows(step_, step_ + stage.lead);
            product.taps = stage.taps - tap;
            product.depth = product.stride = plan_.depth;
            product.w = plan_.w + tap * plan_.depth * kOrderedPanel;
            product.panel = static_cast<long>(plan_.offsets.size()) * plan_.depth * kOrderedPanel;
            product.from = first ? plan_.bias : sums;
            product.from_stride = first ? 0 : plan_.columns;
            product.shift = last ? plan_.shift : nullptr;
            product.y = last ? y : sums;
            product.columns = plan_.columns;
            crew_.run(product.blocks(), [&](long block) { product.run(block); });
        }
        tap = stage.taps;
    }
}

void OrderedWalk::step(float* y) {
    const long rows = plan_.rows(step_, step_ + 1);
    // The context of this step may take the place of its sums, which nothing needs any more.
    float* x = sums_.data() + plan_.rows(step_ - step_ % plan_.stages.front().lead, step_) * plan_.columns;
    context(rows, plan_.layers.empty() ? y : x);
    long stride = plan_.columns;
    for (size_t i = 0; i < plan_.layers.size(); ++i) {
        const OrderedLayer& layer = plan_.layers[i];
        OrderedProduct product{};
        product.x = x;
        product.rows = rows;
        product.taps = 1;
        product.depth = layer.depth;
        product.stride = stride;
        product.w = layer.w;
        product.panel = layer.depth * kOrderedPanel;
        product.from = i ? layer.from : layer.from + plan_.starts[step_] * layer.columns;
        product.from_stride = i ? 0 : layer.columns;
        product.y = i + 1 == plan_.layers.size() ? y : buffers_[i % 2].data();
        product.columns = layer.columns;
        product.activation = layer.activation;
        product.slope = layer.slope;
        crew_.run(product.blocks(), [&](long block) { product.run(block); });
        x = product.y;
        stride = layer.columns;
    }
    ++step_;
}

}  // namespace tinify
