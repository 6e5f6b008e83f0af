#pragma once
/// Tile registers in plain C++, reading and writing what dense_i8_amx.cpp and dense_f16_amx.cpp do: packing, pairs of
/// runs and the borders of maps are tested on every machine.
#include <bit>
#include <cstring>

#include "core/fp16.hpp"
#include "npu/kernels/conv/dense.hpp"
#include "npu/kernels/conv/window_sums.hpp"

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

inline const SumFunctions kScalarSums = {scalar_sums, window_sums};

template <int Groups>
constexpr DenseBlock scalar_tile_blocks() {
  DenseBlock blocks{Groups, 16, {}};
  for (auto& f : blocks.functions) f = scalar_tiles<Groups>;
  return blocks;
}

inline const DenseKernel kScalarTiles = {
    DenseEncoding::s8_tiles, 2, {scalar_tile_blocks<2>(), scalar_tile_blocks<1>()}, &kScalarSums, [] {
      ++closed_series;
    }};
inline const DenseVariant kScalarTileVariant = {"conv_i8/scalar_tiles", ConvInput::i8, &kScalarTiles, &kStageI8,
                                                cpu::Isa::ref};

inline float from_bf16(const std::byte* p) {
  std::uint16_t upper;
  std::memcpy(&upper, p, sizeof upper);
  return std::bit_cast<float>(std::uint32_t{upper} << 16);
}

/// Tiles of 32 channels: rows of high parts, then of low ones; weights as pairs of channels, the low parts a tile on.
template <int Groups>
void scalar_parts(const DenseTile& t) {
  if (t.configured == 0) ++open_series;
  t.configured = t.pixels;
  for (int run = 0; run < (t.second ? 2 : 1); ++run)
    for (int p = 0; p < t.pixels; ++p) {
      float sums[Groups * 16] = {};
      const std::byte* w = t.weights;
      for (int tap = 0; tap < t.tap_count; ++tap)
        for (int i = 0; i < t.steps; i += 32, w += Groups * 2048) {
          const std::byte* x = (run ? t.second : t.source) + t.taps[tap] + p * t.pixel + i * 4;
          for (int c = 0; c < Groups * 16; ++c)
            for (int k = 0; k < 32; ++k) {
              const std::byte* weight = w + c / 16 * 2048 + k / 2 * 64 + c % 16 * 4 + k % 2 * 2;
              for (int part = 0; part < 4; ++part)
                sums[c] += from_bf16(x + part / 2 * 64 + k * 2) * from_bf16(weight + part % 2 * 1024);
            }
        }
      std::memcpy(t.accumulators + (run * 16 + p) * Groups * 64, sums, sizeof sums);
    }
}

/// What the file's StageFormat does.
inline void scalar_split(const std::byte* from, std::ptrdiff_t from_pixel, std::byte* to, std::ptrdiff_t to_pixel,
                         int pixels, int channels) {
  for (int x = 0; x < pixels; ++x)
    for (int c = 0; c < (channels + 31) / 32 * 32; ++c) {
      std::uint16_t half = 0;
      if (c < channels) std::memcpy(&half, from + x * from_pixel + c * 2, 2);
      const float value = half_to_float(half);
      const std::uint32_t high = std::bit_cast<std::uint32_t>(value) & 0xffff0000u;
      const std::uint32_t low = std::bit_cast<std::uint32_t>(value - std::bit_cast<float>(high));
      std::byte* at = to + x * to_pixel + c / 32 * 128 + c % 32 * 2;
      const std::uint16_t parts[] = {static_cast<std::uint16_t>(high >> 16), static_cast<std::uint16_t>(low >> 16)};
      std::memcpy(at, &parts[0], 2), std::memcpy(at + 64, &parts[1], 2);
    }
}

template <int Groups>
constexpr DenseBlock scalar_part_blocks() {
  DenseBlock blocks{Groups, 16, {}};
  for (auto& f : blocks.functions) f = scalar_parts<Groups>;
  return blocks;
}

inline const DenseKernel kScalarParts = {
    DenseEncoding::bf16_tiles, 2, {scalar_part_blocks<2>(), scalar_part_blocks<1>()}, nullptr, [] { ++closed_series; }};
inline const StageFormat kScalarSplit = {2, 4, 0, scalar_split};
inline const DenseVariant kScalarPartVariant = {"conv_f16/scalar_parts", ConvInput::f16, &kScalarParts, &kScalarSplit,
                                                cpu::Isa::ref};

}  // namespace ez_rknn::npu::kernels::test
