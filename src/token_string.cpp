// SPDX-License-Identifier: Apache-2.0
#include "token_string.hpp"

#include <algorithm>

#include "checksum.hpp"
#include "token_walk.hpp"

namespace tinify::tokens {

namespace {

constexpr size_t kCheckBytes = 4;

uint32_t check_of(const int32_t* tokens, size_t count) {
    Checksum check;
    check.add(tokens, count);
    return check.value();
}

int width_of(size_t spread) {
    int width = 0;
    while (spread >> width) ++width;
    return width;
}

void put_lengths(Bytes& out, const std::vector<Bytes>& streams) {
    size_t least = streams[0].size(), most = least;
    for (const Bytes& stream : streams) least = std::min(least, stream.size()), most = std::max(most, stream.size());
    const int width = width_of(most - least);
    put_varint(out, least);
    out.push_back(static_cast<uint8_t>(width));
    uint64_t bits = 0;
    int held = 0;
    for (const Bytes& stream : streams) {
        bits |= static_cast<uint64_t>(stream.size() - least) << held;
        for (held += width; held >= 8; held -= 8, bits >>= 8) out.push_back(static_cast<uint8_t>(bits));
    }
    if (held) out.push_back(static_cast<uint8_t>(bits));
}

// Where each stream begins, and the end, after the lengths at `next`. Nothing is allocated that the string is too short
// for.
std::vector<size_t> get_places(const uint8_t*& next, const uint8_t* end, size_t sequences) {
    const uint64_t least = get_varint(next, end);
    const size_t left = static_cast<size_t>(end - next);
    if (next == end || *next > 32) throw FormatError("the lengths of the token streams are damaged");
    const int width = *next++;
    if (least < 1 || sequences > left / least) throw FormatError("the string is too short for its token streams");
    const size_t packed = (sequences * static_cast<size_t>(width) + 7) / 8;
    if (packed > static_cast<size_t>(end - next)) throw FormatError("the string ends within its lengths");
    std::vector<size_t> places(sequences + 1, 0);
    uint64_t bits = 0;
    int held = 0;
    const uint8_t* byte = next;
    for (size_t i = 0; i < sequences; ++i) {
        for (; held < width; held += 8) bits |= static_cast<uint64_t>(*byte++) << held;
        places[i + 1] = places[i] + least + static_cast<size_t>(bits & ((uint64_t{1} << width) - 1));
        bits >>= width;
        held -= width;
    }
    if (bits) throw FormatError("the lengths of the token streams do not end in zeros");
    next += packed;
    if (places[sequences] != static_cast<size_t>(end - next))
        throw FormatError("the lengths of the token streams do not add up to the string's");
    return places;
}

// A token costs more than codes / 65536 bits; a stream cannot hold many more than its bits pay for.
void check_length(const Gru& gru, size_t length, const Shape& shape) {
    const uint64_t bits = (static_cast<uint64_t>(length) + 2 * range::kFlush) * 8;
    if (static_cast<uint64_t>(shape.each()) * static_cast<uint64_t>(gru.codes()) > bits << 16)
        throw DesyncError("a token stream is too short for its tokens");
}

}  // namespace

Bytes assemble(const int32_t* tokens, const Shape& shape, std::vector<RangeWriter>& writers) {
    Bytes out;
    if (!shape.tokens()) return out;
    std::vector<Bytes> streams(writers.size());
    for (size_t i = 0; i < writers.size(); ++i) {
        writers[i].finish(streams[i]);
        if (streams[i].empty()) streams[i].push_back(0);
    }
    const uint32_t check = check_of(tokens, shape.tokens());
    for (size_t i = 0; i < kCheckBytes; ++i) out.push_back(static_cast<uint8_t>(check >> (8 * i)));
    put_lengths(out, streams);
    for (const Bytes& stream : streams) out.insert(out.end(), stream.begin(), stream.end());
    return out;
}

Bytes encode(const Gru& gru, const int32_t* tokens, const Shape& shape, int threads) {
    std::vector<RangeWriter> writers(shape.sequences);
    by_groups(shape.sequences, threads, [&](size_t first, size_t lanes) {
        const int32_t* group = tokens + first * shape.each();
        walk(gru, lanes, shape, [&](size_t lane, size_t position, const Distribution& distribution) {
            const int token = group[lane * shape.each() + position];
            const Interval interval = distribution.of(token);
            writers[first + lane].code(interval.start, interval.freq);
            return token;
        });
    });
    return assemble(tokens, shape, writers);
}

std::vector<int32_t> decode(const Gru& gru, const uint8_t* data, size_t size, const Shape& shape, size_t first,
                            size_t count, int threads) {
    if (!shape.tokens()) {
        if (size) throw FormatError("a string without tokens is not empty");
        return {};
    }
    if (size < kCheckBytes) throw FormatError("the string ends within its check");
    const uint8_t *next = data + kCheckBytes, *end = data + size;
    const std::vector<size_t> places = get_places(next, end, shape.sequences);
    for (size_t i = first; i < first + count; ++i) check_length(gru, places[i + 1] - places[i], shape);
    std::vector<int32_t> tokens(count * shape.each());
    by_groups(count, threads, [&](size_t begin, size_t lanes) {
        std::vector<RangeReader> readers;
        for (size_t i = first + begin; i < first + begin + lanes; ++i)
            readers.emplace_back(next + places[i], places[i + 1] - places[i]);
        int32_t* group = tokens.data() + begin * shape.each();
        walk(gru, lanes, shape, [&](size_t lane, size_t position, const Distribution& distribution) {
            Interval found;
            const int token = distribution.find(readers[lane].slot(), found);
            if (token < 0) throw DesyncError("the stream holds a token beyond all codes: damaged, or other weights");
            readers[lane].take(found.start, found.freq);
            return group[lane * shape.each() + position] = token;
        });
        for (const RangeReader& reader : readers)
            if (!reader.at_end(1)) throw DesyncError("a token stream does not end with its last token");
    });
    uint32_t check = 0;
    for (size_t i = 0; i < kCheckBytes; ++i) check |= static_cast<uint32_t>(data[i]) << (8 * i);
    if (count == shape.sequences && check != check_of(tokens.data(), tokens.size()))
        throw DesyncError("the decoded tokens are not the encoder's: damaged string, or other weights");
    return tokens;
}

void intervals(const Gru& gru, const int32_t* tokens, const Shape& shape, uint32_t* out, int threads) {
    by_groups(shape.sequences, threads, [&](size_t first, size_t lanes) {
        const size_t offset = first * shape.each();
        walk(gru, lanes, shape, [&](size_t lane, size_t position, const Distribution& distribution) {
            const size_t place = offset + lane * shape.each() + position;
            const Interval interval = distribution.of(tokens[place]);
            out[place] = interval.start | interval.freq << 16;
            return tokens[place];
        });
    });
}

}  // namespace tinify::tokens
