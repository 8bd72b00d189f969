// SPDX-License-Identifier: Apache-2.0
// The rans64 coder as the binding sees it: streams of several segments.
#pragma once

#include <memory>
#include <vector>

#include "rans64.hpp"
#include "side.hpp"

namespace tinify {


using TablesPtr = std::shared_ptr<const Tables>;

class Rans64Encoder {
public:
    static Bytes encode(const IntView& symbols, const IntView& indexes, const TablesPtr& tables);
    void push(const IntView& symbols, const IntView& indexes, const TablesPtr& tables);  // copies
    Bytes finish();

    // The words of another format that has its own head: returns the final state.
    uint64_t finish_into(uint64_t initial_state, Bytes& words);
    bool empty() const { return kept_.empty(); }

private:
    struct Kept {
        std::vector<int32_t> symbols;
        std::vector<uint16_t> rows;
        TablesPtr tables;
    };
    std::vector<Kept> kept_;
};

class Rans64StreamDecoder {
public:
    Rans64StreamDecoder(const uint8_t* data, size_t size) { core_.begin_stream(data, size); }
    void pull(const IntView& indexes, const TablesPtr& tables, int32_t* out) { core_.pull(indexes, *tables, out); }
    void finish() const { core_.finish(kRans64Low); }

private:
    Rans64Decoder core_;
};

}  // namespace tinify
