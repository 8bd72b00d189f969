// SPDX-License-Identifier: Apache-2.0
// A read-only view of a contiguous integer array of any width, read in blocks of int32.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

#include "errors.hpp"

namespace tinify {

enum class IntType { i8, u8, i16, u16, i32, u32, i64 };

struct IntView {
    const void* data = nullptr;
    size_t size = 0;
    IntType type = IntType::i32;

    IntView part(size_t begin, size_t count) const {
        static constexpr size_t kWidth[] = {1, 1, 2, 2, 4, 4, 8};
        return {static_cast<const char*>(data) + begin * kWidth[static_cast<int>(type)], count, type};
    }

    // Entries [begin, begin + count) as int32: the array itself where it is int32, else a copy in `buffer`.
    const int32_t* read(size_t begin, size_t count, int32_t* buffer) const {
        switch (type) {
            case IntType::i8: return widen<int8_t>(begin, count, buffer);
            case IntType::u8: return widen<uint8_t>(begin, count, buffer);
            case IntType::i16: return widen<int16_t>(begin, count, buffer);
            case IntType::u16: return widen<uint16_t>(begin, count, buffer);
            case IntType::u32: return narrow<uint32_t>(begin, count, buffer);
            case IntType::i64: return narrow<int64_t>(begin, count, buffer);
            case IntType::i32: break;
        }
        return static_cast<const int32_t*>(data) + begin;
    }

    // Entries as rows of a table set of `rows` <= 65536 rows; InputError for a row that does not exist.
    void read_rows(size_t begin, size_t count, uint32_t rows, uint16_t* out) const {
        switch (type) {
            case IntType::i8: return check_rows<int8_t>(begin, count, rows, out);
            case IntType::u8: return check_rows<uint8_t>(begin, count, rows, out);
            case IntType::i16: return check_rows<int16_t>(begin, count, rows, out);
            case IntType::u16: return check_rows<uint16_t>(begin, count, rows, out);
            case IntType::i32: return check_rows<int32_t>(begin, count, rows, out);
            case IntType::u32: return check_rows<uint32_t>(begin, count, rows, out);
            case IntType::i64: return check_rows<int64_t>(begin, count, rows, out);
        }
    }

private:
    template <class T>
    const int32_t* widen(size_t begin, size_t count, int32_t* buffer) const {
        const T* from = static_cast<const T*>(data) + begin;
        for (size_t i = 0; i < count; ++i) buffer[i] = from[i];
        return buffer;
    }

    template <class T>
    const int32_t* narrow(size_t begin, size_t count, int32_t* buffer) const {
        const T* from = static_cast<const T*>(data) + begin;
        bool fits = true;
        for (size_t i = 0; i < count; ++i) {
            buffer[i] = static_cast<int32_t>(from[i]);
            fits &= static_cast<T>(buffer[i]) == from[i] && (from[i] < 0) == (buffer[i] < 0);
        }
        if (!fits) throw InputError("a symbol does not fit in 32 bits");
        return buffer;
    }

    template <class T>
    void check_rows(size_t begin, size_t count, uint32_t rows, uint16_t* out) const {
        using Unsigned = std::make_unsigned_t<T>;
        const T* from = static_cast<const T*>(data) + begin;
        Unsigned highest = 0;  // two plain loops, since compilers vectorise those
        for (size_t i = 0; i < count; ++i) highest = std::max(highest, static_cast<Unsigned>(from[i]));
        for (size_t i = 0; i < count; ++i) out[i] = static_cast<uint16_t>(from[i]);
        if (!count || highest < rows) return;
        for (size_t i = 0; i < count; ++i)
            if (static_cast<uint64_t>(static_cast<int64_t>(from[i])) >= rows)
                throw InputError("index " + std::to_string(static_cast<int64_t>(from[i])) + " at position " +
                                 std::to_string(begin + i) + " has no row; the tables have " + std::to_string(rows));
    }
};

}  // namespace tinify
