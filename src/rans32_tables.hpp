// SPDX-License-Identifier: Apache-2.0
// The 12-bit tables of rans32, derived from 16-bit CDFs by integer arithmetic alone.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "rans32_kernels.hpp"

namespace tinify {

class Tables;

class FastTables {
public:
    // nullptr where 12 bits and 255 bins would cost noticeably more than the 16-bit rows, or take too much memory.
    static std::unique_ptr<FastTables> build(const Tables& tables);

    const FastView& view() const { return view_; }

private:
    std::vector<uint32_t> slots_, items_;
    std::vector<int32_t> anchors_, shifts_;
    FastView view_{};
};

}  // namespace tinify
