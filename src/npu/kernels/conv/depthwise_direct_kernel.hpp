#pragma once
/// The loops of depthwise convolution that read maps where they are and write finished bytes. Plain data only: files of
/// every instruction set include this.
#include <cstddef>
#include <cstdint>

#include "npu/kernels/dpu/tail_params.hpp"

namespace ez_rknn::npu::kernels {

/// Channels of a block, four groups of 16. Fewer groups stand for several pieces of the output row: four, or two.
constexpr int kDirectChannels = 64;
constexpr int pieces_of(int groups) { return groups == 1 ? 4 : groups == 2 ? 2 : 1; }

/// Neighbouring output rows of a block, whole.
struct DirectTile {
  static constexpr int kRows = 8;
  /// Of the input, from column 0, the block's first channel. Of rows beyond the map every pixel is `pad`: 0 bytes from
  /// one to the next.
  struct Row {
    const std::byte* first = nullptr;
    std::ptrdiff_t pixel = 0;
  } rows[kRows];
  const std::byte* pad = nullptr;  ///< 64 bytes of the padding value
  int pad_left = 0, in_w = 0, out_w = 0;
  /// For each quarter (channels 4 * quarter + 0..3 of every group): the initial accumulators, what the weights were
  /// moved by to have no sign, negative, and slopes; then four weights a channel, [four rows][column][output row]. Rows
  /// that an output does not read have weights moved from 0: all it takes is one sum of what lies in the four rows.
  const std::byte* weights = nullptr;
  const FusedParams* tail = nullptr;
  std::uint64_t lanes = 0;  ///< channels that carry data, in each piece; the others become 0
  std::byte* out = nullptr;
  std::ptrdiff_t out_pixel = 0, out_row = 0;  ///< bytes
  int out_rows = 1;                           ///< to be written
};

/// One size of windows with one stride.
struct DirectLoop {
  int kernel = 0, stride = 0;
  int rows = 0;                                                                   ///< output rows of a tile
  void (*functions[4])(const DirectTile&) = {};                                   ///< by groups - 1
  constexpr int fours() const { return ((rows - 1) * stride + kernel + 3) / 4; }  ///< of input rows
};

struct DirectKernel {
  DirectLoop loops[4];
};

#if defined(__x86_64__)
extern const DirectKernel kDirectI8Avx512Vnni;
#endif

}  // namespace ez_rknn::npu::kernels
