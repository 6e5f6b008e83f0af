#pragma once
/// The inner loop of dense convolution, the same for all element types: a block of output pixels x 16-channel groups
/// accumulates in registers. Each step broadcasts 32 bits of every pixel (four int8, two int16 or one f32) and
/// multiplies them with 32 bits for each channel (int16: 64 and 64). Plain data only: files of every instruction set
/// include this.
#include <cstddef>
#include <cstdint>

#include "npu/kernels/conv/line_finish.hpp"

namespace ez_rknn::npu::kernels {

struct DenseTile {
  const std::byte* source = nullptr;     ///< first tap of the first pixel
  const std::byte* second = nullptr;     ///< the same of another run of as many pixels; null: none (kernels of pairs)
  std::ptrdiff_t pixel = 0;              ///< bytes between output pixels' windows
  const std::ptrdiff_t* taps = nullptr;  ///< bytes from `source` to each run of the window
  int tap_count = 0;
  int steps = 0;                         ///< 32-bit steps in a run
  const std::byte* weights = nullptr;    ///< [tap][step][16 * groups channels][4 bytes; f16: 2, f64: 8]
  const std::byte* ahead = nullptr;      ///< what is worth fetching from memory meanwhile; null: nothing
  std::ptrdiff_t ahead_step = 0;         ///< bytes of it a step, run after run
  const std::int32_t* starts = nullptr;  ///< what the sums of each pixel begin with (u8_s8); null: 0
  std::byte* accumulators = nullptr;     ///< [pixel][16 * groups channels], 32 bits each
  int pixels = 0;                        ///< of a run
  int runs = 1;                          ///< one behind the other, in source and accumulators; kernels of pairs: 1
  const LineFinish* finish = nullptr;    ///< null: `accumulators`
  mutable int configured = 0;            ///< kernels of pairs: what the tile registers are set up for
};

using DenseFunction = void (*)(const DenseTile&);

constexpr int kDensePixels = 16;

/// A block of `groups` channel groups: one function for each number of pixels up to `max_pixels`, index pixels - 1.
struct DenseBlock {
  int groups = 0, max_pixels = 0;
  DenseFunction functions[kDensePixels] = {};
};

/// Weights and activations of a step: how they are encoded.
enum class DenseEncoding : std::uint8_t {
  u8_s8,     ///< weights shifted to be unsigned, activations as they are: needs window sums (VNNI's vpdpbusd)
  s8_s8,     ///< as they are, weights moved to fit: window sums too (NEON's sdot)
  s8_pairs,  ///< the same by pairs of steps, an even number in a run: [tap][pair][16 channels][8] (NEON's smmla)
  s8_tiles,  ///< as s8_s8 in whole tiles of 16 steps, a group after the other: [tap][tile][group][16 steps][16][4]
  s16_s16,   ///< both widened, offsets folded into the weights
  f32,
  f16,  ///< weights that are halves stay so, and take half the room; inputs and sums as for f32
  /// f16 as sums of two bf16, in whole tiles of 32 channels: [tap][tile][group][high, low][16 pairs of
  /// channels][16][2]. Of inputs the high parts of 32 channels come first, then the low ones.
  bf16_tiles,
  f64,  ///< int16, whose sums need more than 32 bits; steps and accumulators of 64 bits
};

struct WindowShape {
  int kernel_h, kernel_w, step_h, step_w, dilation_h, dilation_w;
};

/// Sums of `channels` int8 elements for each of `width` pixels.
using PixelSums = void (*)(const std::byte* row, std::ptrdiff_t pixel, int width, int channels, std::int32_t* sums);
/// Sums of those over each output's window, times `factor`.
/// @param pixel_sums  rows of `pitch` numbers, the first row being the first output row's topmost
/// @param column      `pitch` numbers of room
/// @param sums        rows x out_w, without gaps
using WindowSums = void (*)(const WindowShape& s, const std::int32_t* pixel_sums, int pitch, int rows, int out_w,
                            std::int32_t factor, std::int32_t* column, std::int32_t* sums);
struct SumFunctions {
  PixelSums pixels;
  WindowSums windows;
};

/// `blocks` in falling order of groups, the last with one group.
struct DenseKernel {
  DenseEncoding encoding;
  int block_count;
  DenseBlock blocks[3];
  const SumFunctions* sums;  ///< only where window sums are needed
  /// Set for kernels of pairs: blocks take two runs of `pixels` pixels at once, the second run's accumulators follow
  /// `max_pixels` pixels behind the first's, and this ends a series of calls (it gives the tile registers back).
  void (*end)() = nullptr;
  /// For a last group of no more than eight channels, whose other lanes' accumulators it sets to 0; null: none.
  const DenseBlock* half = nullptr;
  bool finishes = false;  ///< takes tiles with `finish`
  /// Bytes of a group's weights, [step][16 channels][2], plus `base` of each channel's two: as s16_s16 has them. Null:
  /// they are not kept as bytes.
  void (*widen)(const std::byte* bytes, const std::int16_t* base, int steps, std::byte* to) = nullptr;
};

#if defined(__x86_64__)
void pixel_sums_avx512vnni(const std::byte* row, std::ptrdiff_t pixel, int width, int channels, std::int32_t* sums);
extern const SumFunctions kSumsAvx512Vnni;
extern const DenseKernel kDenseI8Amx, kDenseF16Amx, kDenseI8Avx512Vnni, kDenseI8Avx2, kDenseF32Avx512, kDenseF16Avx512,
    kDenseF32Avx2, kDenseF16Avx2, kDenseI16Avx512, kDenseI16Avx2;
#elif defined(__aarch64__)
extern const SumFunctions kSumsNeonDot;
extern const DenseKernel kDenseI8Neon, kDenseI8NeonDot, kDenseI8NeonI8mm, kDenseF32Neon, kDenseI16Neon;
#endif

}  // namespace ez_rknn::npu::kernels
