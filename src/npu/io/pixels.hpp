#pragma once
/// Planes of f32 (an image in NCHW, as most programs hold it) into pixels of 4 or 16 channels, of which few carry data:
/// what RunConverter and scatter() do in four passes, in one, with the same bits.
#include <cstddef>
#include <cstdint>

namespace ez_rknn::npu::io {

struct PixelRun {
  static constexpr std::size_t kLeast = 8;  ///< pixels of a run
  static constexpr int kMostChannels = 4;
  static constexpr std::int32_t kMostZeroPoint = 1 << 20;

  const float* planes[kMostChannels] = {};  ///< of each channel, side by side; any alignment
  int channels = 0;
  const float *mean = nullptr, *std = nullptr;  ///< one a channel; null: no normalisation
  float scale = 1;                              ///< int8 only, as zero_point
  std::int32_t zero_point = 0;                  ///< within kMostZeroPoint of 0
  std::size_t pixels = 0;
  std::byte* to = nullptr;  ///< pixels of 16 elements, or of kMostChannels, without gaps
  bool narrow = false;      ///< the latter
};

struct PixelRuns {
  void (*to_i8)(const PixelRun&);
  void (*to_f16)(const PixelRun&);
};

/// Null where this machine has none.
const PixelRuns* pixel_runs();

#if defined(__x86_64__)
extern const PixelRuns kPixelRunsAvx2;
#endif

}  // namespace ez_rknn::npu::io
