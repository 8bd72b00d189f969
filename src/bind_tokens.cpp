// SPDX-License-Identifier: Apache-2.0
// The binding of the token priors: checks of shapes, the GIL, and nothing else.
#include "bind_tokens.hpp"

#include <nanobind/ndarray.h>

#include <algorithm>
#include <atomic>
#include <string>

#include "errors.hpp"
#include "token_choice.hpp"
#include "token_string.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using namespace tinify;
using namespace tinify::tokens;

namespace {

template <class T, int Dimensions>
using In = nb::ndarray<const T, nb::ndim<Dimensions>, nb::c_contig, nb::device::cpu>;
using Tokens = In<int32_t, 3>;

void require(bool holds, const char* what) {
    if (!holds) throw InputError(what);
}

void check_threads(int threads) { require(threads >= 1 && threads <= 1024, "threads are not 1 to 1024"); }

// A layer is (weight int8 (rows, columns), multiplier int16 (rows,), bias int32 (rows,), shift, limit). The arrays must
// outlive the copy that Gru makes.
struct LayerArrays {
    In<int8_t, 2> weight;
    In<int16_t, 1> multiplier;
    In<int32_t, 1> bias;
    int shift, limit;

    LayerArrays(const nb::handle& entry, size_t rows, size_t columns) {
        const nb::tuple parts = nb::cast<nb::tuple>(entry);
        require(nb::len(parts) == 5, "a layer is not (weight, multiplier, bias, shift, limit)");
        weight = nb::cast<In<int8_t, 2>>(parts[0]);
        multiplier = nb::cast<In<int16_t, 1>>(parts[1]);
        bias = nb::cast<In<int32_t, 1>>(parts[2]);
        shift = nb::cast<int>(parts[3]);
        limit = nb::cast<int>(parts[4]);
        require(weight.shape(0) == rows && weight.shape(1) == columns && multiplier.shape(0) == rows &&
                    bias.shape(0) == rows, "a layer has another shape than the sizes say");
        require(limit >= 0 && limit <= 1 << 20, "a limit is not 0 to 2^20");
    }
    Layer view() const {
        return {weight.data(), multiplier.data(), bias.data(), static_cast<int>(weight.shape(0)),
                static_cast<int>(weight.shape(1)), shift, limit};
    }
};

Gru* make_gru(int levels, int codes, int hidden, const In<int16_t, 2>& inputs, const In<int16_t, 3>& depth,
              const In<int16_t, 1>& sigmoid, const In<int16_t, 1>& tanh, nb::handle recurrent, const nb::list& mixes,
              const nb::list& heads) {
    require(levels >= 1 && levels <= 4096 && codes >= 1 && codes <= 4096, "levels or codes are not 1 to 4096");
    require(hidden >= 16 && hidden <= 256 && hidden % 16 == 0, "hidden is not 16 to 256 in steps of 16");
    const size_t l = static_cast<size_t>(levels), k = static_cast<size_t>(codes), h = static_cast<size_t>(hidden);
    require(inputs.shape(0) == l * k + 1 + l && inputs.shape(1) == 3 * h, "inputs have another shape");
    require(depth.shape(0) == l - 1 && depth.shape(1) == k && depth.shape(2) == h, "depth has another shape");
    require(sigmoid.shape(0) == kTable && tanh.shape(0) == kTable, "a table of activations has another size");
    const LayerArrays own(recurrent, 3 * h, h);
    require(own.limit <= kStateMax, "the recurrent limit is beyond 32767");
    std::vector<LayerArrays> kept;
    for (nb::handle entry : mixes) kept.emplace_back(entry, h, h);
    for (nb::handle entry : heads) kept.emplace_back(entry, k, h);
    Gru::Parts parts{levels, codes, hidden, inputs.data(), depth.data(), sigmoid.data(), tanh.data(), own.view(), {}, {}};
    for (size_t i = 0; i < kept.size(); ++i) (i < nb::len(mixes) ? parts.mixes : parts.heads).push_back(kept[i].view());
    return new Gru(parts);
}

Shape shape_of(const Gru& gru, const Tokens& tokens) {
    const Shape shape{tokens.shape(0), tokens.shape(1), tokens.shape(2)};
    require(shape.levels >= 1 && shape.levels <= static_cast<size_t>(gru.levels()), "tokens have more levels than the prior");
    const int32_t codes = gru.codes(), *values = tokens.data();
    require(std::all_of(values, values + shape.tokens(), [&](int32_t v) { return v >= 0 && v < codes; }),
            "a token is not one of the codes");
    return shape;
}

nb::bytes encode_tokens(const Gru& gru, const Tokens& tokens, int threads) {
    check_threads(threads);
    const Shape shape = shape_of(gru, tokens);
    Bytes out;
    {
        nb::gil_scoped_release unlocked;
        out = encode(gru, tokens.data(), shape, threads);
    }
    return nb::bytes(out.data(), out.size());
}

template <class T, int Dimensions>
nb::object owned(std::vector<T>&& values, const size_t (&shape)[Dimensions]) {
    auto* kept = new std::vector<T>(std::move(values));
    const nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
    kept->reserve(1);
    return nb::cast(nb::ndarray<nb::numpy, T>(kept->data(), Dimensions, shape, owner));
}

nb::object decode_tokens(const Gru& gru, nb::bytes string, size_t sequences, size_t steps, size_t levels, size_t first,
                         size_t count, int threads) {
    check_threads(threads);
    require(levels >= 1 && levels <= static_cast<size_t>(gru.levels()), "more levels than the prior has");
    constexpr size_t most = size_t{1} << 31;
    require(sequences < most && steps < most && sequences * steps * levels < most, "2^31 tokens or more");
    require(first <= sequences && count <= sequences - first, "there are no such sequences");
    const Shape shape{sequences, steps, levels};
    std::vector<int32_t> tokens;
    {
        nb::gil_scoped_release unlocked;
        tokens = decode(gru, static_cast<const uint8_t*>(string.data()), string.size(), shape, first, count, threads);
    }
    return owned(std::move(tokens), {count, steps, levels});
}

nb::object token_intervals(const Gru& gru, const Tokens& tokens, int threads) {
    check_threads(threads);
    const Shape shape = shape_of(gru, tokens);
    std::vector<uint32_t> out(shape.tokens());
    {
        nb::gil_scoped_release unlocked;
        intervals(gru, tokens.data(), shape, out.data(), threads);
    }
    return owned(std::move(out), {shape.sequences, shape.steps, shape.levels});
}

// y (sequences, steps, dim) and a codebook (codes, dim) for each level used -> (tokens, their string).
nb::tuple choose_tokens(const Gru& gru, const In<float, 3>& y, const nb::list& codebooks, float lmbda, int threads) {
    check_threads(threads);
    const Shape shape{y.shape(0), y.shape(1), nb::len(codebooks)};
    require(shape.levels >= 1 && shape.levels <= static_cast<size_t>(gru.levels()), "more codebooks than levels");
    require(y.shape(2) >= 1 && y.shape(2) <= 4096, "vectors are not of 1 to 4096 numbers");
    std::vector<Codebook> books;
    for (nb::handle entry : codebooks) {
        const auto book = nb::cast<In<float, 2>>(entry);
        require(book.shape(0) == static_cast<size_t>(gru.codes()) && book.shape(1) == y.shape(2),
                "a codebook is not (codes, dim)");
        books.emplace_back(book.data(), gru.codes(), static_cast<int>(y.shape(2)));
    }
    std::vector<int32_t> out(shape.tokens());
    Bytes string;
    {
        nb::gil_scoped_release unlocked;
        string = choose(gru, y.data(), static_cast<int>(y.shape(2)), shape, books, lmbda, out.data(), threads);
    }
    const nb::object tokens = owned(std::move(out), {shape.sequences, shape.steps, shape.levels});
    return nb::make_tuple(tokens, nb::bytes(string.data(), string.size()));
}

// Bits of each next token of some sequences, for choosing tokens: for each step, for each level, `bits` and `take`.
struct Steps {
    nb::object owner;
    const Gru& gru;
    GruLanes lanes;
    Distribution distribution;
    size_t count, levels, next = 0;

    Steps(nb::object prior, size_t sequences, size_t used)
        : owner(prior), gru(nb::cast<const Gru&>(prior)), lanes(gru, checked(sequences, used), static_cast<int>(used)),
          distribution(gru.codes()), count(sequences), levels(used) {
        require(used >= 1 && used <= static_cast<size_t>(gru.levels()), "more levels than the prior has");
        lanes.advance();
    }
    static int checked(size_t sequences, size_t used) {
        require(sequences <= 1 << 16 && used <= 4096, "more than 65536 sequences or 4096 levels at once");
        return static_cast<int>(sequences);
    }
    nb::object bits(size_t level) {
        require(level == next, "levels are asked for in their order");
        const size_t codes = static_cast<size_t>(gru.codes());
        std::vector<float> out(count * codes);
        {
            nb::gil_scoped_release unlocked;
            lanes.predict(static_cast<int>(level));
            for (size_t lane = 0; lane < count; ++lane) {
                distribution.set(lanes.logits(static_cast<int>(lane)));
                distribution.bits(out.data() + lane * codes);
            }
        }
        return owned(std::move(out), {count, codes});
    }
    void take(size_t level, const In<int32_t, 1>& tokens) {
        require(level == next && tokens.shape(0) == count, "tokens of each sequence are taken level after level");
        const int32_t codes = gru.codes(), *values = tokens.data();
        require(std::all_of(values, values + count, [&](int32_t v) { return v >= 0 && v < codes; }),
                "a token is not one of the codes");
        nb::gil_scoped_release unlocked;
        for (size_t lane = 0; lane < count; ++lane) lanes.take(static_cast<int>(level), static_cast<int>(lane), values[lane]);
        next = level + 1 == levels ? 0 : level + 1;
        if (next == 0) lanes.advance();
    }
};

}  // namespace

void bind_tokens(nb::module_& m) {
    nb::class_<Gru>(m, "TokenGru")
        .def(nb::new_(&make_gru), "levels"_a, "codes"_a, "hidden"_a, "inputs"_a, "depth"_a, "sigmoid"_a, "tanh"_a,
             "recurrent"_a, "mixes"_a, "heads"_a)
        .def("encode", &encode_tokens, "tokens"_a, "threads"_a = 1)
        .def("decode", &decode_tokens, "string"_a, "sequences"_a, "steps"_a, "levels"_a, "first"_a, "count"_a,
             "threads"_a = 1)
        .def("choose", &choose_tokens, "y"_a, "codebooks"_a, "lmbda"_a, "threads"_a = 1)
        .def("intervals", &token_intervals, "tokens"_a, "threads"_a = 1);
    nb::class_<Steps>(m, "TokenGruSteps")
        .def(nb::init<nb::object, size_t, size_t>(), "prior"_a, "sequences"_a, "levels"_a)
        .def("bits", &Steps::bits, "level"_a)
        .def("take", &Steps::take, "level"_a, "tokens"_a);
}
