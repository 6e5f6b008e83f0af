#pragma once
/// Sums over each output's window of per-pixel sums. Included by files of one instruction set each: internal linkage.
#include <cstddef>
#include <cstdint>

#include "npu/kernels/conv/dense_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// Of a row, `Step` pixels between outputs; 0: as many as the shape says.
template <int Step>
inline void sums_along(const WindowShape& s, const std::int32_t* column, int out_w, std::int32_t* sums) {
  const int step = Step ? Step : s.step_w;
  for (int x = 0; x < out_w; ++x) sums[x] = column[x * step];
  for (int k = 1; k < s.kernel_w; ++k) {
    const std::int32_t* from = column + k * s.dilation_w;
    for (int x = 0; x < out_w; ++x) sums[x] += from[x * step];
  }
}

/// As WindowSums (dense_kernel.hpp) says.
inline void window_sums(const WindowShape& shape, const std::int32_t* pixel_sums, int pitch, int rows, int out_w,
                        std::int32_t factor, std::int32_t* column, std::int32_t* sums) {
  const WindowShape s = shape;  // a copy, which the sums cannot change
  const auto along = s.step_w == 1 ? sums_along<1> : s.step_w == 2 ? sums_along<2> : sums_along<0>;
  for (int y = 0; y < rows; ++y, sums += out_w) {
    const std::int32_t* top = pixel_sums + static_cast<std::ptrdiff_t>(y) * s.step_h * pitch;
    for (int x = 0; x < pitch; ++x) column[x] = top[x] * factor;
    for (int k = 1; k < s.kernel_h; ++k) {
      const std::int32_t* next = top + static_cast<std::ptrdiff_t>(k) * s.dilation_h * pitch;
      for (int x = 0; x < pitch; ++x) column[x] += next[x] * factor;
    }
    along(s, column, out_w, sums);
  }
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
