/// Packed sizes and the decoder of compressed weights, against an encoder written from the description of the code.
#include "rknn_file/weights.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <random>
#include <vector>

#include "flat_builder.hpp"

using namespace ez_rknn;
using namespace ez_rknn::file;
using namespace ez_rknn::test;

namespace {

std::uint64_t elements(std::vector<std::int32_t> native) { return packed_elements(native, 0); }

class BitWriter {
 public:
  void code(const char* bits) {
    for (; *bits; ++bits) bit(*bits == '1');
  }
  void number(unsigned v, int n) {
    for (int i = 0; i < n; ++i) bit(v >> i & 1);
  }
  FileBytes take() { return std::move(bytes_); }

 private:
  void bit(bool b) {
    if (used_ % 8 == 0) bytes_.push_back({});
    if (b) bytes_.back() |= static_cast<std::byte>(1u << used_ % 8);
    ++used_;
  }
  FileBytes bytes_;
  unsigned used_ = 0;
};

constexpr const char* kCodes[8] = {"00", "10", "111", "110", "011", "0101", "01001", "01000"};

/// A lane in mode A, category of rank r = r: value v is off + m or off + ~m with m of `category` bits.
void encode_a(BitWriter& w, std::int8_t v, std::int8_t offset) {
  const int d = static_cast<std::int8_t>(v - offset);  // wraps, as the decoder does
  const bool negative = d < 0;
  const unsigned m = static_cast<unsigned>(negative ? ~d : d);
  int category = 0;
  while (m >> category) ++category;
  w.code(kCodes[category]);
  w.number(negative, 1);
  if (category) w.number(m & ((1u << (category - 1)) - 1), category - 1);
}

struct Packed {
  FileBytes bytes;
  Lanes lanes;
};

/// Puts lanes one behind the other, each 64-aligned.
Packed pack(const std::vector<FileBytes>& headers, const std::vector<FileBytes>& streams) {
  Packed p;
  for (std::size_t k = 0; k < 16; ++k) {
    p.bytes.resize((p.bytes.size() + 63) / 64 * 64);
    p.lanes.offset[k] = static_cast<std::uint32_t>(p.bytes.size());
    p.lanes.bytes[k] = static_cast<std::uint32_t>(streams[k].size());
    p.bytes.insert(p.bytes.end(), headers[k].begin(), headers[k].end());
    p.bytes.insert(p.bytes.end(), streams[k].begin(), streams[k].end());
  }
  return p;
}

FileBytes header(int mode, std::int16_t offset, std::uint32_t nibbles, std::array<std::uint16_t, 4> runs = {}) {
  FileBytes h;
  append(h, static_cast<std::uint8_t>(mode));
  append(h, offset);
  append(h, std::uint8_t{0});
  append(h, nibbles);
  for (const auto r : runs) append(h, r);
  return h;
}

/// Every one of the 16 lanes, four bytes of each in turn.
void check_lanes(const FileBytes& out, const std::vector<std::int8_t>& lane) {
  for (std::size_t k = 0; k < 16; ++k)
    for (std::size_t i = 0; i < lane.size(); ++i)
      CHECK_EQ(static_cast<std::int8_t>(out[i / 4 * 64 + 4 * k + i % 4]), lane[i]);
}

}  // namespace

TEST_CASE("a packed size is the sum over the tuples; depthwise zeros count as ones only alone") {
  CHECK_EQ(elements({1, 1, 3, 3, 16, 16}), 2304);
  CHECK_EQ(elements({2, 2, 1, 1, 16, 32, 1, 2, 1, 1, 8, 32}), 2560);
  CHECK_EQ(elements({1, 0, 3, 3, 1, 64, 1, 1, 3, 3, 1, 16}), 144);
  CHECK_EQ(elements({1, 0, 3, 3, 1, 64}), 576);
  CHECK_THROWS_AS(elements({}), ModelError);
  CHECK_THROWS_AS(elements({1, 1, 3, 3, 16}), ModelError);
  CHECK_THROWS_AS(elements({1, 1, 3, 3, 16, -1}), ModelError);
  CHECK_THROWS_AS(elements({0x7fffffff, 0x7fffffff, 0x7fffffff, 1, 1, 1}), ModelError);
  CHECK_EQ(bytes_of(5, DType::i4), 3);
  CHECK_EQ(bytes_of(5, DType::f16), 10);
}

TEST_CASE("mode A: every byte value survives, in every lane") {
  std::mt19937 random(1);
  constexpr std::size_t kLines = 33;
  FileBytes plain(kLines * 64);
  for (auto& b : plain) b = static_cast<std::byte>(random());
  std::vector<FileBytes> headers, streams;
  for (std::size_t k = 0; k < 16; ++k) {
    const auto offset = static_cast<std::int8_t>(17 * k - 128);
    BitWriter w;
    for (std::size_t i = 0; i < kLines * 4; ++i)
      encode_a(w, static_cast<std::int8_t>(plain[i / 4 * 64 + 4 * k + i % 4]), offset);
    headers.push_back(header(0, offset, 0x76543210));
    streams.push_back(w.take());
  }
  auto p = pack(headers, streams);
  FileBytes out(plain.size());
  decompress_weights(ByteReader(p.bytes), p.lanes, DType::i8, out);
  CHECK(out == plain);

  SUBCASE("a lane that is too short is refused") {
    p.lanes.bytes[7] -= 2;
    CHECK_THROWS_AS(decompress_weights(ByteReader(p.bytes), p.lanes, DType::i8, out), ModelError);
  }
  SUBCASE("a lane outside the buffer is refused") {
    p.lanes.offset[3] = static_cast<std::uint32_t>(p.bytes.size()) - 8;
    CHECK_THROWS_AS(decompress_weights(ByteReader(p.bytes), p.lanes, DType::i8, out), ModelError);
  }
  SUBCASE("an unknown mode is refused") {
    p.bytes[p.lanes.offset[5]] = std::byte{0x51};
    CHECK_THROWS_AS(decompress_weights(ByteReader(p.bytes), p.lanes, DType::i8, out), ModelError);
  }
}

TEST_CASE("mode B: runs, small signed numbers and full bytes") {
  // Ranks: 0 = runs of T[0]/T[1], 1 = category 1 (one bit of magnitude: +-1), 2 = category 7 (a byte), 3 = category 3.
  constexpr std::int8_t kOffset = -5;
  std::vector<FileBytes> headers, streams;
  std::vector<std::int8_t> lane;
  for (std::size_t k = 0; k < 16; ++k) {
    BitWriter w;
    lane.clear();
    const auto put = [&](int v) { lane.push_back(static_cast<std::int8_t>(kOffset + v)); };
    w.code(kCodes[0]), w.number(0, 1);  // T[0] = 3 times the offset
    for (int i = 0; i < 3; ++i) put(0);
    w.code(kCodes[1]), w.number(0, 1), put(1);
    w.code(kCodes[1]), w.number(1, 1), put(-1);
    w.code(kCodes[3]), w.number(1, 1), w.number(2, 2), put(-6);
    w.code(kCodes[2]), w.number(0, 1), w.number(100, 7), put(100);
    w.code(kCodes[2]), w.number(1, 1), w.number(0, 7), put(-128);
    w.code(kCodes[0]), w.number(1, 1);  // T[1] = 200: more than is left
    while (lane.size() < 16) put(0);
    headers.push_back(header(0x11, kOffset, 0x3710, {3, 200, 0, 0}));
    streams.push_back(w.take());
  }
  const auto p = pack(headers, streams);
  FileBytes out(4 * 64);
  decompress_weights(ByteReader(p.bytes), p.lanes, DType::i8, out);
  REQUIRE_EQ(lane.size(), 16);
  check_lanes(out, lane);
}

TEST_CASE("wider run indices: a longer table of lengths, and a longer header before the stream") {
  // Rank 0 = runs of T[0]/T[1], rank 1 = category 8: runs of T[2 + index], rank 2 = category 1.
  for (const int width : {2, 3, 4}) {
    CAPTURE(width);
    std::vector<FileBytes> headers, streams;
    std::vector<std::int8_t> lane;
    for (std::size_t k = 0; k < 16; ++k) {
      FileBytes h = header(width << 4 | 1, 9, 0x180, {1, 2, 3, 4});
      for (int r = 2; r < 1 << width; ++r) append(h, static_cast<std::uint16_t>(r + 3));
      h.resize((h.size() + 15) / 16 * 16);
      headers.push_back(h);
      BitWriter w;
      lane.clear();
      const auto run = [&](int n) { lane.insert(lane.end(), static_cast<std::size_t>(n), std::int8_t{9}); };
      w.code(kCodes[1]), w.number((1u << width) - 1, width), run((1 << width) + 2);  // the last of the table
      w.code(kCodes[2]), w.number(1, 1), lane.push_back(8);
      w.code(kCodes[1]), w.number(0, width), run(3);  // T[2]
      w.code(kCodes[0]), w.number(1, 1), run(2);      // T[1]
      while (lane.size() < 32) w.code(kCodes[2]), w.number(0, 1), lane.push_back(10);
      streams.push_back(w.take());
    }
    const auto p = pack(headers, streams);
    FileBytes out(8 * 64);
    decompress_weights(ByteReader(p.bytes), p.lanes, DType::i8, out);
    REQUIRE_EQ(lane.size(), 32);
    check_lanes(out, lane);
  }
}

TEST_CASE("halves: the upper byte of the rotated bits is coded, the lower one follows") {
  constexpr std::uint16_t kOffset = 0x16c0;
  const std::vector<std::uint16_t> values{0x2d7d, 0xb0d4, 0x0000, 0xa405, 0x0b60, 0x0b60, 0x8b61, 0x8b5f};
  std::vector<FileBytes> headers, streams;
  for (std::size_t k = 0; k < 16; ++k) {
    BitWriter w;
    for (const std::uint16_t v : values) {
      const auto rotated = static_cast<std::uint16_t>(v << 1 | v >> 15);
      const auto d = static_cast<std::int16_t>(rotated - kOffset);
      if (d == 0) {
        w.code(kCodes[0]), w.number(0, 1);  // T[0] = 1
        continue;
      }
      const int upper = d >> 8, m = upper < 0 ? -upper : upper + 1;
      int category = 1;
      while (m >> category && category < 7) ++category;
      w.code(kCodes[category]), w.number(upper < 0, 1);
      if (category == 7) w.number(static_cast<unsigned>(m) & 127, 7);
      else w.number(static_cast<unsigned>(m) & ((1u << (category - 1)) - 1), category - 1);
      w.number(static_cast<unsigned>(d) & 255, 8);
    }
    headers.push_back(header(0x11, static_cast<std::int16_t>(kOffset), 0x76543210, {1, 0, 0, 0}));
    streams.push_back(w.take());
  }
  const auto p = pack(headers, streams);
  FileBytes out(values.size() / 2 * 64);
  decompress_weights(ByteReader(p.bytes), p.lanes, DType::f16, out);
  for (std::size_t k = 0; k < 16; ++k)
    for (std::size_t i = 0; i < values.size(); ++i) {
      std::uint16_t v;
      std::memcpy(&v, out.data() + i / 2 * 64 + 4 * k + i % 2 * 2, 2);
      CHECK_EQ(v, values[i]);
    }
}

TEST_CASE("a stream of empty runs ends") {
  std::vector<FileBytes> headers(16, header(0x11, 0, 0)), streams(16, FileBytes(40));
  const auto p = pack(headers, streams);
  FileBytes out(64);
  CHECK_THROWS_AS(decompress_weights(ByteReader(p.bytes), p.lanes, DType::i8, out), ModelError);
}

TEST_CASE("random streams decode or are refused") {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    FileBytes bytes(64 + random() % 2000);
    for (auto& b : bytes) b = static_cast<std::byte>(random());
    Lanes lanes;
    for (std::size_t k = 0; k < 16; ++k) {
      lanes.offset[k] = random() % static_cast<std::uint32_t>(bytes.size());
      lanes.bytes[k] = random() % 200;
      if (random() % 8) bytes[lanes.offset[k]] = static_cast<std::byte>(random() % 2 ? 0x11 + random() % 4 * 16 : 0);
    }
    FileBytes out(64 * (random() % 40));
    try {
      decompress_weights(ByteReader(bytes), lanes, random() % 2 ? DType::i8 : DType::f16, out);
    } catch (const ModelError&) { continue; }
  }
}
