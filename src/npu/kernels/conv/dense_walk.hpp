#pragma once
/// How dense.cpp walks the output of a layer: rows, chunks of them, and what a worker needs for one.
#include <algorithm>
#include <cstddef>

#include "core/aligned.hpp"
#include "npu/kernels/conv/pack.hpp"
#include "npu/kernels/conv/stage.hpp"
#include "npu/kernels/share.hpp"

namespace ez_rknn::npu::kernels {

constexpr std::size_t kStagedBytes = 192 * 1024;  ///< of a chunk of rows: with the weights of a block in L2
constexpr std::size_t kKeptBytes = 256 * 1024;    ///< of weights that stay in L2 from chunk to chunk
constexpr int kFlatRow = 16 * 14;                 ///< pixels of a row of a flattened map: whole blocks of 14 and 16

/// A map seen as rows: itself, or, for a 1x1 kernel over maps without gaps, all pixels in one sequence cut into rows.
struct View {
  ConvShape shape;
  int last_width;  ///< output pixels of the last row
};

inline View flattened(const ConvShape& s) {
  const int pixels = s.out_h * s.out_w;
  View v{s, 0};
  v.shape.in_w = v.shape.out_w = std::min(pixels, kFlatRow);
  v.shape.in_h = v.shape.out_h = (pixels + v.shape.out_w - 1) / v.shape.out_w;
  v.last_width = pixels - (v.shape.out_h - 1) * v.shape.out_w;
  return v;
}

inline bool reads_only_inside(const ConvShape& s) {
  return s.insert_h == 1 && s.insert_w == 1 && s.pad_top == 0 && s.pad_left == 0 &&
         (s.out_h - 1) * s.stride_h + (s.kernel_h - 1) * s.dilation_h < s.in_h &&
         (s.out_w - 1) * s.stride_w + (s.kernel_w - 1) * s.dilation_w < s.in_w;
}

/// Everything about one way to walk the output (plain or flattened).
struct Walk {
  Walk(const View& v, const StageFormat& format, int pitch, const PackedWeights& weights, bool direct)
      : view(v), staging(v.shape, format, pitch) {
    const int loops = static_cast<int>(weights.blocks.size());
    const ConvShape& s = view.shape;
    step_h = direct ? s.stride_h : staging.step_h();
    step_w = direct ? s.stride_w : staging.step_w();
    width = (s.out_w - 1) * step_w + (s.kernel_w - 1) * s.dilation_w + 1;
    // Every chunk reads all weights anew. Where L2 does not keep them there are few chunks, shared out by channels.
    const int wanted = weights.widened_bytes() > kKeptBytes ? s.out_h : (s.out_h + kItems - 1) / kItems;
    while (rows < wanted && staging.bytes(rows + 1) <= kStagedBytes) ++rows;
    chunks = (s.out_h + rows - 1) / rows;
    rows = (s.out_h + chunks - 1) / chunks;  // even chunks rather than full ones and a rest
    chunks = (s.out_h + rows - 1) / rows;
    splits =
        s.macs() + s.outputs() * kFinishWork < kWorthSharing ? 1 : std::clamp((kItems + chunks - 1) / chunks, 1, loops);
    staged = direct ? 0 : whole_lines(staging.bytes(rows));
    pixel_sums = whole_lines(static_cast<std::size_t>(source_rows(rows)) * static_cast<std::size_t>(width) * 4);
    column = whole_lines(static_cast<std::size_t>(width) * 4);
    sums = whole_lines(static_cast<std::size_t>(rows) * static_cast<std::size_t>(s.out_w) * 4);
  }
  /// Rows that `n` output rows read.
  int source_rows(int n) const { return (n - 1) * step_h + (view.shape.kernel_h - 1) * view.shape.dilation_h + 1; }

  View view;
  Staging staging;
  int step_h = 1, step_w = 1;                    ///< pixels of the source between neighbouring outputs
  int width = 1;                                 ///< pixels of a source row that are read
  int rows = 1;                                  ///< output rows of a chunk
  int chunks = 1;                                ///< of rows
  int splits = 1;                                ///< of the output channels, so that there is work for everybody
  std::size_t staged, pixel_sums, column, sums;  ///< bytes of each part of a worker's scratch
};

}  // namespace ez_rknn::npu::kernels
