#pragma once
/// The inner loop of depthwise convolution: a run of output pixels of one block of channels. Plain data only: files of
/// every instruction set include this.
#include <cstddef>
#include <cstdint>

#include "npu/kernels/conv/line_finish.hpp"

namespace ez_rknn::npu::kernels {

/// The columns of a window, in staged pixels.
struct DepthwiseColumns {
  std::ptrdiff_t pixel = 0;  ///< bytes of one
  int kernel = 1, dilation = 1, stride = 1;

  /// That so many outputs read.
  constexpr int read_by(int outputs) const { return (outputs - 1) * stride + (kernel - 1) * dilation + 1; }
};

struct DepthwiseTile {
  const std::byte* source = nullptr;     ///< staged; first tap of the first pixel, first channel of the block
  std::ptrdiff_t pixel = 0;              ///< bytes between output pixels' windows
  const std::ptrdiff_t* taps = nullptr;  ///< bytes from `source`; filled up to a whole number of steps
  int steps = 0;                         ///< groups of taps the loop takes at once
  int sets = 1;                          ///< of weights: 2 when they need more than 8 bits
  DepthwiseColumns columns;
  const std::byte* weights = nullptr;
  std::byte* accumulators = nullptr;  ///< [pixel][channels of the block], 32 bits each
  int pixels = 0;
  int groups = 0;                      ///< of 16 channels of the block that there are
  const LineFinish* finish = nullptr;  ///< null: `accumulators`
};

constexpr int kDepthwisePixels = 16;
constexpr int kDepthwiseQuads = 96;  ///< the most columns of a tile times steps of four rows (u8_s8)

/// How the weights of a block lie, step by step. Taps beyond the window have weight 0.
enum class DepthwiseEncoding : std::uint8_t {
  /// Staged values are int8 + 128, word 4 * i + j of each sixteen (64 channels) at 4 * j + i; a step is four rows of a
  /// column of the window, and `taps` are rows. 64 channels: for each 16 of them first the initial accumulators (which
  /// take the 128 out again), then per set and step four taps of every channel. The first of two sets counts twice.
  u8_s8,
  /// 16 channels, two taps a step: channels 0..3 and 8..11, then 4..7 and 12..15, two taps each.
  s16_s16,
  s16,  ///< 16 channels, one tap a step
  f32,  ///< 16 channels, one tap a step
  f64,  ///< the same for int16, with accumulators of 64 bits
};

struct DepthwiseKernel {
  DepthwiseEncoding encoding;
  void (*function)(const DepthwiseTile&);
  bool finishes = false;  ///< takes tiles with `finish`, without an operand
};

#if defined(__x86_64__)
extern const DepthwiseKernel kDepthwiseI8Avx512Vnni, kDepthwiseI8Avx2, kDepthwiseF32Avx512, kDepthwiseF16Avx512,
    kDepthwiseF32Avx2, kDepthwiseF16Avx2, kDepthwiseI16Avx512, kDepthwiseI16Avx2;
#elif defined(__aarch64__)
extern const DepthwiseKernel kDepthwiseI8Neon, kDepthwiseF32Neon, kDepthwiseI16Neon;
#endif

}  // namespace ez_rknn::npu::kernels
