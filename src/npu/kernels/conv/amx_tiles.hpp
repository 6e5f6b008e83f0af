#pragma once
/// What the files of AMX share: how the eight tile registers are set up.
#include <cstddef>
#include <cstdint>

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

}  // namespace
}  // namespace ez_rknn::npu::kernels
