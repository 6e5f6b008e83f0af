#include "rknn_file/weights.hpp"

#include <algorithm>

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

/// Where byte i of a lane belongs in the plain weights.
constexpr std::size_t place(int lane, std::size_t i) {
  return (i / 4) * 64 + static_cast<std::size_t>(lane) * 4 + i % 4;
}

void decode_lane(int lane, std::span<const std::byte> header, std::span<const std::byte> stream, std::uint64_t at,
                 std::span<std::byte> plain) {
  const auto byte = [&](std::size_t i) { return std::to_integer<unsigned>(header[i]); };
  const bool runs = byte(0) == 0x11;
  if (!runs && byte(0) != 0)
    throw ModelError(at, "compressed weights: lane mode " + std::to_string(byte(0)) + ", 0 and 17 are known");
  const int offset = static_cast<std::int16_t>(byte(1) | byte(2) << 8);
  std::array<unsigned, 8> category{};
  for (std::size_t r = 0; r < 8; ++r) category[r] = byte(4 + r / 2) >> 4 * (r % 2) & 15;
  std::array<unsigned, 4> run{};
  for (std::size_t r = 0; r < 4; ++r) run[r] = byte(8 + 2 * r) | byte(9 + 2 * r) << 8;

  Bits bits(stream);
  const std::size_t count = plain.size() / 16;
  for (std::size_t i = 0; i < count;) {
    if (bits.overrun()) throw ModelError(at, "compressed weights: a lane ends before its values do");
    const unsigned c = category[static_cast<std::size_t>(take_rank(bits))];
    if (c > 8 || (!runs && c > 7))
      throw ModelError(at, "compressed weights: code category " + std::to_string(c) + " is not known");
    if (runs && (c == 0 || c == 8)) {
      // An empty run is legal once; a stream of them ends in the overrun above.
      const unsigned n = run[bits.take(1) + (c == 8 ? 2 : 0)];
      for (unsigned k = 0; k < n && i < count; ++k, ++i) plain[place(lane, i)] = static_cast<std::byte>(offset & 0xff);
      continue;
    }
    const bool negative = bits.take(1);
    int value;
    if (runs && c == 7) {
      const int m = static_cast<int>(bits.take(7));
      value = negative ? -(m ? m : 128) : m;
    } else {
      const int m = c ? (1 << (c - 1)) + static_cast<int>(bits.take(static_cast<int>(c) - 1)) : 0;
      value = !negative ? m : runs ? -m : ~m;
    }
    plain[place(lane, i++)] = static_cast<std::byte>((offset + value) & 0xff);
  }
  if (bits.overrun()) throw ModelError(at, "compressed weights: a lane ends before its values do");
}

}  // namespace

void decompress_weights(const ByteReader& compressed, const Lanes& lanes, std::span<std::byte> plain) {
  constexpr std::uint64_t kHeader = 16;
  for (int k = 0; k < Lanes::kCount; ++k) {
    const auto i = static_cast<std::size_t>(k);
    const auto header = compressed.slice(lanes.offset[i], kHeader, "lane header of compressed weights");
    const auto stream = compressed.slice(lanes.offset[i] + kHeader, lanes.bytes[i], "lane of compressed weights");
    decode_lane(k, header, stream, compressed.base() + lanes.offset[i], plain);
  }
}

}  // namespace ez_rknn::file
