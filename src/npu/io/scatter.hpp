#pragma once
/// Moving a tile of elements, knowing only how many bytes an element has.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "npu/io/transpose.hpp"

namespace ez_rknn::npu::io {

/// A tile of p x q elements. Strides are in elements; one of the target's two is usually 1.
struct Tile {
  std::ptrdiff_t p = 0, q = 0;
  std::ptrdiff_t from_p = 0, from_q = 0, to_p = 0, to_q = 0;
  /// Zeros written behind the last element of each pixel: along q when `pad_q`, else along p.
  int pad = 0;
  bool pad_q = false;
};

namespace scatter_detail {

/// Pixels of a padded map whose channels all lie in the tile: one store of so many elements each.
template <class W, int kPitch, int kChannels>
void pixels(const std::byte* from, std::byte* to, std::ptrdiff_t n, std::ptrdiff_t from_n, std::ptrdiff_t to_n,
            std::ptrdiff_t from_c) {
  // Put together in registers: a load of what narrower stores have just written waits for them.
  constexpr int kInWord = 8 / sizeof(W);
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    std::uint64_t words[(kPitch * sizeof(W) + 7) / 8] = {};
    for (int c = 0; c < kChannels; ++c) {
      W value;
      std::memcpy(&value, from + (i * from_n + c * from_c) * std::ptrdiff_t(sizeof(W)), sizeof(W));
      words[c / kInWord] |= std::uint64_t{value} << c % kInWord * 8 * int(sizeof(W));
    }
    std::memcpy(to + i * to_n * std::ptrdiff_t(sizeof(W)), words, kPitch * sizeof(W));
  }
}

template <class W, int kPitch>
bool padded_pixels(const std::byte* from, std::byte* to, const Tile& t) {
  const std::ptrdiff_t channels = t.pad_q ? t.q : t.p, n = t.pad_q ? t.p : t.q;
  if (t.pad == 0 || channels + t.pad != kPitch) return false;
  const auto from_n = t.pad_q ? t.from_p : t.from_q, to_n = t.pad_q ? t.to_p : t.to_q;
  const auto from_c = t.pad_q ? t.from_q : t.from_p;
  switch (channels) {
    case 1: return pixels<W, kPitch, 1>(from, to, n, from_n, to_n, from_c), true;
    case 2: return pixels<W, kPitch, 2>(from, to, n, from_n, to_n, from_c), true;
    case 3: return pixels<W, kPitch, 3>(from, to, n, from_n, to_n, from_c), true;
    case 4: return pixels<W, kPitch, 4>(from, to, n, from_n, to_n, from_c), true;
    default: return false;
  }
}

}  // namespace scatter_detail

template <class W>
void scatter(const std::byte* from, std::byte* to, const Tile& t) {
  constexpr auto kSize = static_cast<std::ptrdiff_t>(sizeof(W));
  if (scatter_detail::padded_pixels<W, 16>(from, to, t) || scatter_detail::padded_pixels<W, 4>(from, to, t)) return;
  if (t.to_q == 1 && t.from_q == 1) {
    for (std::ptrdiff_t p = 0; p < t.p; ++p)
      std::memcpy(to + p * t.to_p * kSize, from + p * t.from_p * kSize, static_cast<std::size_t>(t.q * kSize));
  } else if (t.to_p == 1 && t.from_q == 1 && transpose<W>(from, t.from_p, to, t.to_q, t.p, t.q)) {
    // A row of the one is a column of the other.
  } else if (t.to_p == 1) {
    for (std::ptrdiff_t q = 0; q < t.q; ++q) {
      const std::byte* a = from + q * t.from_q * kSize;
      std::byte* b = to + q * t.to_q * kSize;
      for (std::ptrdiff_t p = 0; p < t.p; ++p) std::memcpy(b + p * kSize, a + p * t.from_p * kSize, sizeof(W));
    }
  } else {
    for (std::ptrdiff_t p = 0; p < t.p; ++p)
      for (std::ptrdiff_t q = 0; q < t.q; ++q)
        std::memcpy(to + (p * t.to_p + q * t.to_q) * kSize, from + (p * t.from_p + q * t.from_q) * kSize, sizeof(W));
  }
  if (t.pad == 0) return;
  const std::ptrdiff_t channels = t.pad_q ? t.q : t.p, n = t.pad_q ? t.p : t.q, to_n = t.pad_q ? t.to_p : t.to_q;
  for (std::ptrdiff_t i = 0; i < n; ++i)
    std::memset(to + (i * to_n + channels) * kSize, 0, static_cast<std::size_t>(t.pad * kSize));
}

inline void scatter(const std::byte* from, std::byte* to, std::size_t element, const Tile& tile) {
  switch (element) {
    case 1: return scatter<std::uint8_t>(from, to, tile);
    case 2: return scatter<std::uint16_t>(from, to, tile);
    case 4: return scatter<std::uint32_t>(from, to, tile);
    default: return scatter<std::uint64_t>(from, to, tile);
  }
}

}  // namespace ez_rknn::npu::io
