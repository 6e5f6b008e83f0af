#pragma once
/// Pixels of int8 or f16 into planes of f32 (results of a channels-last map as most programs want them, in NCHW): what
/// RunConverter and scatter() do in four passes, in one, with the same bits.
#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace ez_rknn::npu::io {

struct PlaneRun {
  static constexpr std::size_t kLeast = 16;  ///< pixels of a run
  /// What a run had best take: cache lines of the source that stay in L1 until all their channels are read, and long
  /// stretches of every plane, which lie pages apart.
  static constexpr std::int64_t kBytes = 64, kPixels = 512;

  const std::byte* from = nullptr;  ///< the first channel of the first pixel
  std::ptrdiff_t pixel = 0;         ///< bytes from pixel to pixel; needs_pitch() or more
  int channels = 0;
  std::size_t pixels = 0;
  float zero_point = 0, scale = 1;  ///< of int8: a real value is (q - zero_point) * scale
  std::byte* to = nullptr;          ///< the first plane; any alignment
  std::ptrdiff_t plane = 0;         ///< bytes from plane to plane

  /// Pixels of few channels are read as wholes of 16 bytes, of int8 of 4 too.
  static constexpr std::ptrdiff_t needs_pitch(std::int64_t channels, std::int64_t element) {
    const std::int64_t bytes = channels * element;
    return bytes <= 4 && element == 1 ? 4 : std::max<std::int64_t>(bytes, 16);
  }
};

struct PlaneRuns {
  void (*i8)(const PlaneRun&);
  void (*f16)(const PlaneRun&);  ///< whose values are real: no zero point, no scale
};

/// Null where this machine has none.
const PlaneRuns* plane_runs();

#if defined(__x86_64__)
extern const PlaneRuns kPlaneRunsAvx2, kPlaneRunsAvx512;
#elif defined(__aarch64__)
extern const PlaneRuns kPlaneRunsNeon;
#endif

}  // namespace ez_rknn::npu::io
