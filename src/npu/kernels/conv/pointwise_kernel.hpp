#pragma once
/// The loops of 1x1 convolutions of int8 that write finished bytes. Plain data only: files of every instruction set
/// include this.
#include <cstddef>
#include <cstdint>

#include "npu/kernels/dpu/tail_params.hpp"

namespace ez_rknn::npu::kernels {

/// Pixels side by side, and a block of 4, 2 or 1 groups of 16 channels.
struct PointwiseTile {
  const std::byte* source = nullptr;
  std::ptrdiff_t pixel = 0;  ///< bytes, of the source
  int pixels = 0;
  int steps = 0;  ///< of four inputs
  /// Of the inputs of each pixel, as two words: 64 * high + low.
  const std::int32_t* sums = nullptr;
  /// For each of as many vectors as there are groups: initial accumulators, what a sum's two words are multiplied with
  /// (what the weights were moved by to have no sign, negative) and slopes; then [step][vector][four weights].
  const std::byte* weights = nullptr;
  /// What is worth fetching from memory meanwhile, and how far that comes in a step of a pixel: 0 for nothing.
  const std::byte* ahead = nullptr;
  std::ptrdiff_t ahead_step = 0;
  const FusedParams* tail = nullptr;
  std::uint64_t lanes = 0;  ///< bytes of the result that carry data, as packing leaves them; the others become 0
  std::byte* out = nullptr;
  std::ptrdiff_t out_pixel = 0;
};

/// The channel of a block that lane `lane` of vector `vector` has. So packing twice, first words of two vectors, leaves
/// neighbours side by side in each quarter: of one pixel, of two or of four.
constexpr int pointwise_channel(int groups, int vector, int lane) {
  return lane / 4 * 4 * groups + 4 * vector + lane % 4;
}

constexpr int kPointwiseVector = 3 * 64;  ///< bytes of what a block's vector needs besides weights

struct PointwiseKernel {
  void (*functions[2][3])(const PointwiseTile&);               ///< by FusedParams::by_sign; 1, 2 and 4 groups
  void (*accumulate[3])(const PointwiseTile&, std::byte* to);  ///< accumulators from 0 on, [pixel][vector]
  /// Of the inputs of each pixel, as PointwiseTile::sums and plain.
  void (*sums)(const std::byte* row, std::ptrdiff_t pixel, int width, int channels, std::int32_t* sums);
  void (*plain_sums)(const std::byte* row, std::ptrdiff_t pixel, int width, int channels, std::int32_t* sums);
};

#if defined(__x86_64__)
extern const PointwiseKernel kPointwiseI8Avx512Vnni;
#endif

}  // namespace ez_rknn::npu::kernels
