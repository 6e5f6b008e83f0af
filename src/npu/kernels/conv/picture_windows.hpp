#pragma once
/// Windows of a picture, whose pixels are three or four channels, side by side as the pixels of a map.
#include <algorithm>
#include <cstddef>
#include <cstring>

#include "core/aligned.hpp"
#include "npu/kernels/conv/conv.hpp"

namespace ez_rknn::npu::kernels {

class PictureWindows {
 public:
  static constexpr int kPixel = 4;            ///< channels of a gathered pixel
  static constexpr std::size_t kBehind = 16;  ///< bytes that gathering may write behind the last window

  static bool fit(const ConvShape& s) {
    return s.in_c >= 3 && s.in_c <= kPixel && s.kernel_h <= kMost && s.kernel_w <= kMost && s.kernel_w > 1 &&
           s.dilation_h == 1 && s.dilation_w == 1 && s.insert_h == 1 && s.insert_w == 1;
  }
  explicit PictureWindows(const ConvShape& s) : shape_(s), run_(s.kernel_w * kPixel) {
    for (int i = 0; i < kRun; ++i) pad_[i] = static_cast<std::byte>(s.pad_value);
  }
  /// Bytes of a window, and from one to the next.
  int bytes() const { return shape_.kernel_h * run_; }
  int pitch() const { return round_up(bytes(), kRun); }

  /// Those of `count` outputs from the `first`th on, row by row.
  void gather(const ConstMap& in, int first, int count, std::byte* to) const {
    for (int y = first / shape_.out_w, x = first % shape_.out_w; count > 0; ++y, x = 0) {
      const int n = count < shape_.out_w - x ? count : shape_.out_w - x;
      gather_row(in, y, x, n, to);
      to += std::ptrdiff_t{n} * pitch(), count -= n;
    }
  }

 private:
  static constexpr int kMost = 4;
  static constexpr int kRun = kMost * kPixel;  ///< bytes of the longest row of a window: what is copied of any

  /// The rows of windows, at the first of them, and how far it is to the next.
  struct Rows {
    const std::byte* from[kMost];
    std::ptrdiff_t step[kMost];
  };

  /// What one row of a window copies too much, the next one overwrites.
  template <int Height>
  static void copy(Rows rows, int count, int run, std::ptrdiff_t pitch, std::byte* to) {
    for (; count > 0; --count, to += pitch)
      for (int ky = 0; ky < Height; ++ky) {
        std::memcpy(to + ky * run, rows.from[ky], kRun);
        rows.from[ky] += rows.step[ky];
      }
  }

  /// A window that is not whole, or of a picture with gaps.
  void copy_border(const ConstMap& in, int top, int left, std::byte* to) const {
    for (int ky = 0; ky < shape_.kernel_h; ++ky)
      for (int kx = 0; kx < shape_.kernel_w; ++kx, to += kPixel) {
        const int y = top + ky, x = left + kx;
        const bool inside = y >= 0 && y < shape_.in_h && x >= 0 && x < shape_.in_w;
        std::memcpy(to, inside ? in.data + y * in.row + x * in.pixel : pad_, kPixel);
      }
  }

  void gather_row(const ConstMap& in, int y, int x, int count, std::byte* to) const {
    const int stride = shape_.stride_w, end = x + count, top = y * shape_.stride_h - shape_.pad_top;
    // The outputs whose windows are within the picture's columns.
    const int room = shape_.in_w + shape_.pad_left - shape_.kernel_w;
    const int first = std::clamp((shape_.pad_left + stride - 1) / stride, x, end);
    const int behind = in.pixel == kPixel && room >= 0 ? std::clamp(room / stride + 1, first, end) : first;
    const auto border = [&](int from, int until) {
      for (int i = from; i < until; ++i) copy_border(in, top, i * stride - shape_.pad_left, to + (i - x) * pitch());
    };
    border(x, first);
    Rows rows{};
    for (int ky = 0; ky < shape_.kernel_h; ++ky) {
      const bool inside = top + ky >= 0 && top + ky < shape_.in_h;
      rows.from[ky] = inside ? in.data + (top + ky) * in.row + (first * stride - shape_.pad_left) * in.pixel : pad_;
      rows.step[ky] = inside ? stride * in.pixel : 0;
    }
    constexpr decltype(&copy<1>) kCopies[kMost] = {copy<1>, copy<2>, copy<3>, copy<4>};
    kCopies[shape_.kernel_h - 1](rows, behind - first, run_, pitch(), to + (first - x) * pitch());
    border(behind, end);
  }

  const ConvShape shape_;
  const int run_;
  std::byte pad_[kRun];
};

}  // namespace ez_rknn::npu::kernels
