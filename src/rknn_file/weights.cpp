#include "rknn_file/weights.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace ez_rknn::file {

std::uint64_t packed_elements(std::span<const std::int32_t> native_shape, std::uint64_t file_offset) {
  constexpr std::uint64_t kLimit = std::uint64_t{1} << 40;
  const auto fail = [&](const std::string& why) { throw ModelError(file_offset, "packed weights: " + why); };
  if (native_shape.empty() || native_shape.size() % 6 != 0)
    fail("a native shape of " + std::to_string(native_shape.size()) + " numbers is not a list of 6-tuples");
  const auto product = [&](std::span<const std::int32_t> tuple, std::int32_t least) {
    std::uint64_t n = 1;
    for (const auto d : tuple) {
      if (d < 0) fail("negative extent " + std::to_string(d));
      n *= static_cast<std::uint64_t>(std::max(d, least));  // below 2^40 * 2^31 before the check
      if (n > kLimit) fail("more than 2^40 elements");
    }
    return n;
  };
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < native_shape.size(); i += 6) {
    sum += product(native_shape.subspan(i, 6), 0);
    if (sum > kLimit) fail("more than 2^40 elements");
  }
  return sum ? sum : product(native_shape.first(6), 1);
}

std::uint64_t bytes_of(std::uint64_t elements, DType type) {
  return type == DType::i4 ? (elements + 1) / 2 : elements * size_of(type);
}

namespace {

/// Bits of a lane, least significant first. Reading beyond the end gives zeros; `overrun` tells.
class Bits {
 public:
  explicit Bits(std::span<const std::byte> bytes) : bytes_(bytes) {}
  unsigned take(int n) {
    if (have_ < n) refill();
    const auto v = static_cast<unsigned>(word_ & ((std::uint64_t{1} << n) - 1));
    word_ >>= n, have_ -= n;
    return v;
  }
  /// Whether more bits were taken than the stream holds.
  bool overrun() const { return padding_ * 8 > have_; }

 private:
  void refill() {
    while (have_ <= 56) {
      if (at_ < bytes_.size()) word_ |= std::to_integer<std::uint64_t>(bytes_[at_++]) << have_;
      else ++padding_;
      have_ += 8;
    }
  }
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
  std::uint64_t word_ = 0;
  int have_ = 0;
  std::int64_t padding_ = 0;
};

/// Prefix codes of the eight ranks in reading order: 00, 10, 111, 110, 011, 0101, 01001, 01000.
int take_rank(Bits& b) {
  if (b.take(1)) return b.take(1) ? (b.take(1) ? 2 : 3) : 1;
  if (!b.take(1)) return 0;
  if (b.take(1)) return 4;
  if (b.take(1)) return 5;
  return b.take(1) ? 6 : 7;
}

/// What a lane says of its code. A byte of mode: 0 is plain, else the low nibble is 1 and the high one the width of the
/// index of the longer table of run lengths.
struct LaneCode {
  static constexpr unsigned kWidest = 4;
  bool runs = false;
  int index_bits = 0;  ///< of category 8; category 0 has one
  int offset = 0;
  std::array<unsigned, 8> category{};
  std::array<unsigned, 2 + (1u << kWidest)> run{};
};

constexpr std::uint64_t header_bytes(int index_bits) {
  const std::uint64_t runs = index_bits ? 2 + (std::uint64_t{1} << index_bits) : 4;
  return (8 + 2 * runs + 15) / 16 * 16;
}

LaneCode read_header(const ByteReader& compressed, std::uint64_t offset) {
  constexpr const char* kWhat = "lane header of compressed weights";
  LaneCode code;
  const unsigned mode = compressed.get<std::uint8_t>(offset, kWhat);
  code.runs = mode & 1, code.index_bits = static_cast<int>(mode >> 4);
  if (mode != 0 && ((mode & 15) != 1 || mode >> 4 < 1 || mode >> 4 > LaneCode::kWidest))
    throw ModelError(compressed.base() + offset,
                     "compressed weights: lane mode " + std::to_string(mode) + " is not one of 0, 17, 33, 49 and 65");
  code.offset = compressed.get<std::int16_t>(offset + 1, kWhat);
  for (std::size_t r = 0; r < 8; ++r)
    code.category[r] = compressed.get<std::uint8_t>(offset + 4 + r / 2, kWhat) >> 4 * (r % 2) & 15;
  for (std::size_t r = 0; code.runs && r < 2 + (std::size_t{1} << code.index_bits); ++r)
    code.run[r] = compressed.get<std::uint16_t>(offset + 8 + 2 * r, kWhat);
  return code;
}

/// Bytes are coded as they are. Halves are coded by the upper byte of their bits rotated by one to the left, so that
/// the sign comes last; the lower byte follows as it is.
struct Bytes {
  using Value = std::uint8_t;
  static int difference(int coded, Bits&) { return coded; }
  static int positive(int m) { return m; }
  static Value value(unsigned bits) { return static_cast<Value>(bits); }
};
struct Halves {
  using Value = std::uint16_t;
  static int difference(int coded, Bits& bits) { return coded * 256 + static_cast<int>(bits.take(8)); }
  static int positive(int m) { return m - 1; }  // 0 is that of differences 0..255: none but runs stands for equal ones
  static Value value(unsigned bits) { return std::rotr(static_cast<Value>(bits), 1); }
};

template <class Coding>
void decode_lane(int lane, const LaneCode& code, std::span<const std::byte> stream, std::uint64_t at,
                 std::span<std::byte> plain) {
  using Value = typename Coding::Value;
  constexpr std::size_t kInLine = 4 / sizeof(Value);
  Bits bits(stream);
  const std::size_t count = plain.size() / 16 / sizeof(Value);
  const auto put = [&](std::size_t i, int difference) {
    const Value v = Coding::value(static_cast<unsigned>(code.offset + difference));
    const std::size_t place = (i / kInLine) * 64 + static_cast<std::size_t>(lane) * 4 + i % kInLine * sizeof(Value);
    std::memcpy(plain.data() + place, &v, sizeof v);
  };
  for (std::size_t i = 0; i < count;) {
    if (bits.overrun()) throw ModelError(at, "compressed weights: a lane ends before its values do");
    const unsigned c = code.category[static_cast<std::size_t>(take_rank(bits))];
    if (c > 8 || (!code.runs && c > 7))
      throw ModelError(at, "compressed weights: code category " + std::to_string(c) + " is not known");
    if (code.runs && (c == 0 || c == 8)) {
      // An empty run is legal once; a stream of them ends in the overrun above.
      const unsigned n = code.run[c == 0 ? bits.take(1) : 2 + bits.take(code.index_bits)];
      for (unsigned k = 0; k < n && i < count; ++k, ++i) put(i, 0);
      continue;
    }
    const bool negative = bits.take(1);
    int coded;
    if (code.runs) {
      int m = static_cast<int>(bits.take(c == 7 ? 7 : static_cast<int>(c) - 1));
      if (c < 7) m += 1 << (c - 1);
      else if (m == 0 && (negative || sizeof(Value) == 2)) m = 128;
      coded = negative ? -m : Coding::positive(m);
    } else {
      const int m = c ? (1 << (c - 1)) + static_cast<int>(bits.take(static_cast<int>(c) - 1)) : 0;
      coded = negative ? ~m : m;
    }
    put(i++, Coding::difference(coded, bits));
  }
  if (bits.overrun()) throw ModelError(at, "compressed weights: a lane ends before its values do");
}

}  // namespace

void decompress_weights(const ByteReader& compressed, const Lanes& lanes, DType type, std::span<std::byte> plain) {
  for (int k = 0; k < Lanes::kCount; ++k) {
    const std::uint64_t offset = lanes.offset[static_cast<std::size_t>(k)];
    const LaneCode code = read_header(compressed, offset);
    const auto stream = compressed.slice(offset + header_bytes(code.index_bits),
                                         lanes.bytes[static_cast<std::size_t>(k)], "lane of compressed weights");
    const auto decode = type == DType::f16 ? decode_lane<Halves> : decode_lane<Bytes>;
    decode(k, code, stream, compressed.base() + offset, plain);
  }
}

}  // namespace ez_rknn::file
