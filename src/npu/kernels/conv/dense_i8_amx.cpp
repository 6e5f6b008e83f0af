#if defined(__x86_64__)
#include <immintrin.h>

#include "npu/kernels/conv/amx_tiles.hpp"
#include "npu/kernels/conv/dense_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// Tiles 4 and 5 are the pixels of the two runs, 6 and 7 the weights of the two groups.
template <int Groups, bool Pair>
inline void products(const DenseTile& t) {
  constexpr std::ptrdiff_t kPixel = Groups * kRowBytes;
  _tile_zero(0);
  if constexpr (Groups == 2) _tile_zero(1);
  if constexpr (Pair) _tile_zero(2);
  if constexpr (Groups == 2 && Pair) _tile_zero(3);
  const std::byte* w = t.weights;
  for (int tap = 0; tap < t.tap_count; ++tap) {
    const std::byte* x = t.source + t.taps[tap];
    const std::byte* y = (Pair ? t.second : t.source) + t.taps[tap];
    for (int i = 0; i < t.steps; i += kRows, x += kRowBytes, y += kRowBytes, w += Groups * kTile) {
      _tile_loadd(4, x, t.pixel);
      _tile_loadd(6, w, kRowBytes);
      _tile_dpbssd(0, 4, 6);
      if constexpr (Groups == 2) {
        _tile_loadd(7, w + kTile, kRowBytes);
        _tile_dpbssd(1, 4, 7);
      }
      if constexpr (Pair) {
        _tile_loadd(5, y, t.pixel);
        _tile_dpbssd(2, 5, 6);
        if constexpr (Groups == 2) _tile_dpbssd(3, 5, 7);
      }
    }
  }
  _tile_stored(0, t.accumulators, kPixel);
  if constexpr (Groups == 2) _tile_stored(1, t.accumulators + kRowBytes, kPixel);
  std::byte* second = t.accumulators + kRows * kPixel;
  if constexpr (Pair) _tile_stored(2, second, kPixel);
  if constexpr (Groups == 2 && Pair) _tile_stored(3, second + kRowBytes, kPixel);
}

/// tdpbssd: sixteen pixels (or fewer) times sixteen channels, sixty-four products each.
template <int Groups>
void block(const DenseTile& t) {
  if (t.configured != t.pixels) {
    _tile_loadconfig(&kConfigurations[t.pixels - 1]);
    t.configured = t.pixels;
  }
  t.second ? products<Groups, true>(t) : products<Groups, false>(t);
}

void end() { _tile_release(); }

template <int Groups>
constexpr DenseBlock blocks_of() {
  DenseBlock blocks{Groups, kRows, {}};
  for (auto& f : blocks.functions) f = block<Groups>;
  return blocks;
}

}  // namespace

const DenseKernel kDenseI8Amx = {
    DenseEncoding::s8_tiles, 2, {blocks_of<2>(), blocks_of<1>()}, pixel_sums_avx512vnni, end};

}  // namespace ez_rknn::npu::kernels
#endif
