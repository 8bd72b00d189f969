// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tables.hpp"
namespace tinify {
class FastTables {
public:
    static std::unique_ptr<FastTables> build(const Tables&) { return nullptr; }
};
}  // namespace tinify
