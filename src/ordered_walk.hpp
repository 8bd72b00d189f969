// SPDX-License-Identifier: Apache-2.0
// A context model along the steps of a scan: a masked convolution at a step's places, then layers that see one place.
//
//     known places ──► context (taps) ──► layer ──► layer ... ──► y of the step's places
//                                          ▲
//         what side information gives it: sums that the first layer begins with
#pragma once

#include <vector>

#include "ordered.hpp"
#include "ordered_crew.hpp"

namespace tinify {

// Weights as in `OrderedProduct`. Layers after the first begin with a bias, the first with a row for each place.
struct OrderedLayer {
    const float *w, *from;
    long depth, columns;
    Activation activation;
    float slope;
};

// The taps before `taps`, and not in the stage before, are known `lead` steps before a place's own: their sums are
// made of so many steps at once. Each lead divides the one before; the last is 1.
struct OrderedStage {
    long taps, lead;
};

struct OrderedWalkPlan {
    const float* known;  // positions of `depth` floats
    long depth;
    std::vector<int64_t> where, starts, offsets;  // rows in the order of steps; where steps begin, and the end; taps
    std::vector<OrderedStage> stages;
    const float *w, *bias, *shift;  // of the context
    long columns;
    std::vector<OrderedLayer> layers;

    long steps() const { return static_cast<long>(starts.size()) - 1; }
    long rows(long first, long last) const;  // of steps [first, last), or as many as there are
};

class OrderedWalk {
public:
    OrderedWalk(OrderedWalkPlan plan, int threads);
    const OrderedWalkPlan& plan() const { return plan_; }
    // The next step; y has its rows, of the columns of the last layer, or of the context where there are no layers.
    void step(float* y);
    long next() const { return step_; }

private:
    void context(long rows, float* y);

    OrderedWalkPlan plan_;
    std::vector<float> sums_, buffers_[2];  // of the context, for the steps of the first stage; between layers
    long step_ = 0;
    Crew crew_;
};

}  // namespace tinify
