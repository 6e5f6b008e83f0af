#pragma once
/// Tile registers in plain C++, reading and writing what dense_i8_amx.cpp does: packing, pairs of runs and the borders
/// of maps are tested on every machine.
#include <cstring>

#include "npu/kernels/conv/dense.hpp"

namespace ez_rknn::npu::kernels::test {

/// Series of calls that `end` has not closed, and calls whose tiles were not set up.
inline thread_local int open_series = 0, closed_series = 0;

template <int Groups>
void scalar_tiles(const DenseTile& t) {
  if (t.configured == 0) ++open_series;
  t.configured = t.pixels;
  for (int run = 0; run < (t.second ? 2 : 1); ++run)
    for (int p = 0; p < t.pixels; ++p) {
      std::int32_t sums[Groups * 16] = {};
      const std::byte* w = t.weights;
      for (int tap = 0; tap < t.tap_count; ++tap)
        for (int i = 0; i < t.steps; i += 16, w += Groups * 1024) {
          std::int8_t x[64], weights[Groups * 1024];  // whole rows and tiles, as the hardware loads them
          std::memcpy(x, (run ? t.second : t.source) + t.taps[tap] + p * t.pixel + i * 4, sizeof x);
          std::memcpy(weights, w, sizeof weights);
          for (int c = 0; c < Groups * 16; ++c)
            for (int k = 0; k < 64; ++k)
              sums[c] += std::int32_t{x[k]} * weights[c / 16 * 1024 + k / 4 * 64 + c % 16 * 4 + k % 4];
        }
      std::memcpy(t.accumulators + (run * 16 + p) * Groups * 64, sums, sizeof sums);
    }
}

inline void scalar_sums(const std::byte* row, std::ptrdiff_t pixel, int width, int channels, std::int32_t* sums) {
  for (int x = 0; x < width; ++x) {
    sums[x] = 0;
    for (int c = 0; c < channels; ++c) sums[x] += static_cast<std::int8_t>(row[x * pixel + c]);
  }
}

template <int Groups>
constexpr DenseBlock scalar_tile_blocks() {
  DenseBlock blocks{Groups, 16, {}};
  for (auto& f : blocks.functions) f = scalar_tiles<Groups>;
  return blocks;
}

inline const DenseKernel kScalarTiles = {
    DenseEncoding::s8_tiles, 2, {scalar_tile_blocks<2>(), scalar_tile_blocks<1>()}, scalar_sums, [] {
      ++closed_series;
    }};
inline const DenseVariant kScalarTileVariant = {"conv_i8/scalar_tiles", ConvInput::i8, &kScalarTiles, &kStageI8,
                                                cpu::Isa::ref};

}  // namespace ez_rknn::npu::kernels::test
