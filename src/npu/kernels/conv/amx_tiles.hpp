#pragma once
/// What the files of AMX share: how the eight tile registers are set up, and a block's sums in four of them.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "npu/kernels/conv/dense_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

constexpr int kRows = 16;                 ///< of a tile: pixels, or 32-bit steps of a run
constexpr std::ptrdiff_t kTile = 1024;    ///< bytes
constexpr std::ptrdiff_t kRowBytes = 64;  ///< of a pixel's steps, or of 16 channels of a step

/// What ldtilecfg reads. Tiles 0..3: accumulators of (run, group); 4, 5: pixels; 6, 7: weights.
struct alignas(64) Configuration {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};

  constexpr explicit Configuration(int pixels) {
    for (int i = 0; i < 8; ++i) row_bytes[i] = kRowBytes, rows[i] = static_cast<std::uint8_t>(i < 6 ? pixels : kRows);
  }
};
static_assert(sizeof(Configuration) == 64);
constexpr Configuration kConfigurations[kRows] = {
    Configuration(1),  Configuration(2),  Configuration(3),  Configuration(4),  Configuration(5),  Configuration(6),
    Configuration(7),  Configuration(8),  Configuration(9),  Configuration(10), Configuration(11), Configuration(12),
    Configuration(13), Configuration(14), Configuration(15), Configuration(16)};

/// The sums of two groups of channels (or one) of a run, and, as a pair, of another.
template <int Groups, bool Pair>
inline void clear_sums() {
  _tile_zero(0);
  if constexpr (Groups == 2) _tile_zero(1);
  if constexpr (Pair) _tile_zero(2);
  if constexpr (Groups == 2 && Pair) _tile_zero(3);
}
template <int Groups, bool Pair>
inline void store_sums(const DenseTile& t) {
  constexpr std::ptrdiff_t kPixel = Groups * kRowBytes;
  _tile_stored(0, t.accumulators, kPixel);
  if constexpr (Groups == 2) _tile_stored(1, t.accumulators + kRowBytes, kPixel);
  std::byte* second = t.accumulators + kRows * kPixel;
  if constexpr (Pair) _tile_stored(2, second, kPixel);
  if constexpr (Groups == 2 && Pair) _tile_stored(3, second + kRowBytes, kPixel);
}

/// `Products::add<Groups, Pair>(tile)` adds all products to the sums.
template <class Products, int Groups, bool Pair>
inline void run_block(const DenseTile& t) {
  clear_sums<Groups, Pair>();
  Products::template add<Groups, Pair>(t);
  store_sums<Groups, Pair>(t);
}
template <class Products, int Groups>
void block(const DenseTile& t) {
  if (t.configured != t.pixels) {
    _tile_loadconfig(&kConfigurations[t.pixels - 1]);
    t.configured = t.pixels;
  }
  t.second ? run_block<Products, Groups, true>(t) : run_block<Products, Groups, false>(t);
}
template <class Products, int Groups>
constexpr DenseBlock blocks_of() {
  DenseBlock blocks{Groups, kRows, {}};
  for (auto& f : blocks.functions) f = block<Products, Groups>;
  return blocks;
}

inline void release_tiles() { _tile_release(); }

}  // namespace
}  // namespace ez_rknn::npu::kernels
