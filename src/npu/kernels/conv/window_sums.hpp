#pragma once
/// Sums over each output's window of per-pixel sums.
#include <cstddef>
#include <cstdint>

namespace ez_rknn::npu::kernels {

struct WindowShape {
  int kernel_h, kernel_w, step_h, step_w, dilation_h, dilation_w;
};

/// @param pixel_sums  rows of `pitch` numbers, the first row being the first output row's topmost
/// @param column      `pitch` numbers of room
/// @param sums        rows x out_w, without gaps
inline void window_sums(const WindowShape& s, const std::int32_t* pixel_sums, int pitch, int rows, int out_w,
                        std::int32_t* column, std::int32_t* sums) {
  for (int y = 0; y < rows; ++y, sums += out_w) {
    const std::int32_t* top = pixel_sums + static_cast<std::ptrdiff_t>(y) * s.step_h * pitch;
    for (int x = 0; x < pitch; ++x) column[x] = top[x];
    for (int k = 1; k < s.kernel_h; ++k) {
      const std::int32_t* next = top + static_cast<std::ptrdiff_t>(k) * s.dilation_h * pitch;
      for (int x = 0; x < pitch; ++x) column[x] += next[x];
    }
    for (int x = 0; x < out_w; ++x) sums[x] = column[x * s.step_w];
    for (int k = 1; k < s.kernel_w; ++k)
      for (int x = 0; x < out_w; ++x) sums[x] += column[x * s.step_w + k * s.dilation_w];
  }
}

}  // namespace ez_rknn::npu::kernels
